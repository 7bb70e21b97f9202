package reauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/wire"
)

// Conn is a connection to Redis that keeps itself authenticated. It is used like
// the net.Conn that it wraps, and like that it may be used concurrently.
type Conn struct {
	conn net.Conn
	s    *shared

	opening   atomic.Bool // no login has succeeded yet
	filtering atomic.Bool // what is read may hold replies that are not the client's

	reading sync.Mutex // held while reading, if filtering; guards filter
	filter  filter

	writing sync.Mutex        // held while writing; guards what follows
	out     wire.Outgoing     // what the client has sent
	due     *auth.Credentials // to be sent as soon as out is free; nil: none
	failed  error             // of a write whose rest nobody has, so that nothing can be written behind it

	mu sync.Mutex // guards state; never held during I/O or a callback
	state
}

var _ net.Conn = (*Conn)(nil)

// Credentials returns those that the client is to log in with on this connection, from the Source.
// A client that can ask its connection does so instead of the Source, and the connection knows
// exactly what expires when. Otherwise it compares the client's login with what the Source gives.
func (c *Conn) Credentials(ctx context.Context) (auth.Credentials, error) {
	creds, err := c.s.source.Credentials(ctx)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.given = &creds
	}
	return creds, err
}

// NetConn returns the connection that c wraps, as [crypto/tls.Conn.NetConn] does.
func (c *Conn) NetConn() net.Conn { return c.conn }

// Format implements [fmt.Formatter]: no verb shows the token.
func (c *Conn) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "reauth.Conn to %v", c.RemoteAddr()) }

// LocalAddr implements [net.Conn].
func (c *Conn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr implements [net.Conn].
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// Close implements [net.Conn].
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	return c.conn.Close()
}

// Write implements [net.Conn]. If something of the Conn's own could not be sent, it fails from then on with
// that error; what the server has sent can still be read.
func (c *Conn) Write(p []byte) (int, error) {
	c.lockToWrite()
	defer c.writing.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	if c.due != nil || c.opening.Load() {
		return c.writeInParts(p)
	}
	n, err := c.conn.Write(p)
	c.out.Follow(p[:n])
	if c.out.LoggedIn() {
		c.loggedInAs(c.out.TakeLogin().Username)
	}
	return n, err
}

// writeInParts is Write while there is something of our own to send.
func (c *Conn) writeInParts(p []byte) (n int, err error) {
	for n < len(p) {
		end := n
		for end < len(p) && (end == n || !c.mayInsert()) {
			end += c.out.Next(p[end:])
		}
		m, err := c.conn.Write(p[n:end])
		n += m
		if err == nil {
			err = c.insert()
		}
		if err != nil {
			c.failed = err
			return n, err
		}
	}
	return n, nil
}

// Read implements [net.Conn].
func (c *Conn) Read(p []byte) (n int, err error) {
	if !c.filtering.Load() || len(p) == 0 {
		n, err = c.conn.Read(p)
		// Filtering may have begun meanwhile, and what was read be the first of it.
		if n == 0 || !c.filtering.Load() {
			return n, err
		}
	}
	for {
		c.reading.Lock()
		n, err = c.readFiltered(p, n, err)
		c.reading.Unlock()
		c.tell()
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// readFiltered takes what was read already, p[:n] and err, or else reads, and returns what of
// it is the client's; that may be nothing.
func (c *Conn) readFiltered(p []byte, n int, err error) (int, error) {
	f := &c.filter
	if n == 0 && err == nil && (f.ready == 0 || f.holding) && f.err == nil {
		n, err = c.conn.Read(p)
	}
	f.buf = append(f.buf, p[:n]...)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		f.err = err
	}
	m, counting := c.firstMark()
	for {
		replies, passed := f.advance(m, counting)
		if !passed {
			break
		}
		c.passed(m, replies, f.last)
		m, counting = c.firstMark()
	}
	if f.err != nil {
		f.end()
	}
	// The client may not read again for hours once it has the reply to its login.
	if f.holding = f.cutting && m.probe != nil && err == nil; f.holding {
		return 0, nil
	}
	n = f.deliver(p)
	switch {
	case n > 0:
		err = nil
	case f.err != nil:
		err = f.err
	}
	if len(f.buf) == 0 && f.err == nil {
		c.mu.Lock()
		if len(c.marks) == 0 && !c.opening.Load() {
			f.buf = nil
			c.filtering.Store(false)
		}
		c.mu.Unlock()
	}
	return n, err
}
