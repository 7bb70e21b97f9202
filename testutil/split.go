package testutil

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// splitListener is the listener of a gateway before a node of a cluster. It accepts
// connections that begin with TLS. Others come from the cluster's own nodes, to which the
// gateway's address is announced as well: it passes them on to the server as they are.
type splitListener struct {
	net.Listener
	clients chan net.Conn
	cancel  context.CancelFunc
	closed  <-chan struct{}
	wg      sync.WaitGroup

	mu    sync.Mutex            // guards what follows
	conns map[net.Conn]struct{} // to be closed by Close; nil: closed
}

// split makes a splitListener of l, before the server that dial connects to.
func split(l net.Listener, dial func(context.Context) (net.Conn, error)) *splitListener {
	ctx, cancel := context.WithCancel(context.Background())
	s := &splitListener{
		Listener: l, clients: make(chan net.Conn), cancel: cancel, closed: ctx.Done(), conns: map[net.Conn]struct{}{},
	}
	s.wg.Go(func() {
		acceptAll(l, func(c net.Conn) { s.wg.Go(func() { s.sort(ctx, c, dial) }) })
	})
	return s
}

func (s *splitListener) Accept() (net.Conn, error) {
	select {
	case c := <-s.clients:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close closes l and the connections that were not accepted, and joins their goroutines.
func (s *splitListener) Close() error {
	s.cancel()
	err := s.Listener.Close()
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for c := range conns {
		_ = c.Close()
	}
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// sort hands conn to Accept or passes it on.
func (s *splitListener) sort(ctx context.Context, conn net.Conn, dial func(context.Context) (net.Conn, error)) {
	if !s.own(conn) {
		return
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		s.drop(conn)
		return
	}
	const handshake = 22 // the type of a TLS connection's first record
	if first[0] == handshake {
		s.disown(conn)
		select {
		case s.clients <- &begunConn{conn, first}:
		case <-s.closed:
			_ = conn.Close()
		}
		return
	}
	defer s.drop(conn)
	server, err := dial(ctx)
	if err != nil || !s.own(server) {
		return
	}
	defer s.drop(server)
	if _, err := server.Write(first); err != nil {
		return
	}
	s.wg.Go(func() {
		_, _ = io.Copy(conn, server)
		s.drop(conn)
	})
	_, _ = io.Copy(server, conn)
}

// own leaves c to Close, which it reports not to have run yet; else c is closed.
func (s *splitListener) own(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		_ = c.Close()
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *splitListener) disown(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *splitListener) drop(c net.Conn) {
	s.disown(c)
	_ = c.Close()
}

// begunConn is a connection of which the first bytes have been read.
type begunConn struct {
	net.Conn
	begin []byte
}

func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.begin) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.begin)
	c.begin = c.begin[n:]
	return n, nil
}

// acceptAll calls f with each connection that l accepts, until l is closed.
func acceptAll(l net.Listener, f func(net.Conn)) {
	for {
		switch c, err := l.Accept(); {
		case err == nil:
			f(c)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			<-time.After(10 * time.Millisecond) // too many open files, perhaps
		}
	}
}
