package testutil

import (
	"bytes"
	"context"
	"net"
	"sync"
	"time"
)

// pipeListener hands out the far ends of net.Pipes, which take what a client does
// not read yet, as a socket does.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case <-l.closed: // whoever dials at the same time
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.conns:
		return newBufferedConn(c), nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// bufferedConn is a net.Conn whose Write returns before the other side has read.
type bufferedConn struct {
	net.Conn
	queue  chan []byte
	ended  chan struct{} // closed when nothing of queue will be written any more
	closed chan struct{}
	once   sync.Once
}

const (
	maxQueued = 1024            // writes that may wait to be read
	linger    = 5 * time.Second // for how long they may after Close
)

func newBufferedConn(c net.Conn) *bufferedConn {
	b := &bufferedConn{Conn: c, queue: make(chan []byte, maxQueued), ended: make(chan struct{}), closed: make(chan struct{})}
	go b.pass()
	return b
}

func (b *bufferedConn) Write(p []byte) (int, error) {
	select {
	case <-b.closed:
		return 0, net.ErrClosed
	case <-b.ended:
		return 0, net.ErrClosed
	case b.queue <- bytes.Clone(p):
		return len(p), nil
	}
}

// Close lets the other side read what is queued, for a while.
func (b *bufferedConn) Close() error {
	b.once.Do(func() {
		_ = b.Conn.SetReadDeadline(time.Now()) // our own Read ends now
		_ = b.Conn.SetWriteDeadline(time.Now().Add(linger))
		close(b.closed)
	})
	return nil
}

// pass writes what is queued, until b is closed and nothing is left.
func (b *bufferedConn) pass() {
	defer close(b.ended)
	defer b.Conn.Close()
	for {
		var p []byte
		select {
		case p = <-b.queue:
		case <-b.closed:
			select {
			case p = <-b.queue:
			default:
				return
			}
		}
		if _, err := b.Conn.Write(p); err != nil {
			return
		}
	}
}
