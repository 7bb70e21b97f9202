package reauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

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

	reading direction // guards filter
	filter  filter

	writing direction         // guards what follows
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

// Close implements [net.Conn]. A call of Config.OnReauth that has begun may go on behind it.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	return c.conn.Close()
}

// Write implements [net.Conn]. An error in the middle of a command closes the connection. An error while the
// client logs in, or while the Conn has something of its own to send, is the error of all further calls.
func (c *Conn) Write(p []byte) (int, error) {
	c.enter(&c.writing)
	defer c.writing.lock.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	if c.due != nil || c.opening.Load() {
		return c.writeInParts(p)
	}
	n, err := c.conn.Write(p)
	c.out.Follow(p[:n])
	if c.out.LoggedIn() {
		c.loggedInAnew(c.out.TakeLogin())
	}
	if err != nil && !c.out.Between() {
		_ = c.Close()
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
		if err != nil {
			c.failed = err // what of it is not sent was followed already
			if m > 0 {
				_ = c.Close()
			}
			return n, err
		}
		if err := c.insert(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Read implements [net.Conn].
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return c.conn.Read(p)
	}
	for {
		c.enter(&c.reading)
		n, filtered, err := c.read(p)
		c.reading.lock.Unlock()
		if !filtered {
			return n, err
		}
		c.tell()
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// read reads once, if there is nothing left for the client, and returns what of it is the client's, which
// may be nothing. filtered is false if nothing could be anybody else's.
func (c *Conn) read(p []byte) (n int, filtered bool, err error) {
	f := &c.filter
	filtered = c.filtering.Load()
	if !filtered || (f.ready == 0 || f.holding) && f.err == nil {
		n, err = c.conn.Read(p)
		// Filtering may have begun meanwhile, and what was read be the first of it.
		if !filtered && (n == 0 || !c.filtering.Load()) {
			return n, false, err
		}
		c.take(p[:n], err)
	}
	if f.holding {
		return 0, true, nil
	}
	if n = f.deliver(p); n > 0 {
		err = nil
	} else if f.err != nil {
		err = f.err
	}
	c.settle()
	return n, true, err
}

// settle ends filtering when there is nothing to filter.
func (c *Conn) settle() {
	if len(c.filter.buf) > 0 || c.filter.err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.marks) == 0 && !c.opening.Load() {
		c.filter.buf = nil
		c.filtering.Store(false)
	}
}

// take puts what was read, and how that ended, through the filter.
func (c *Conn) take(p []byte, err error) {
	f := &c.filter
	f.buf = append(f.buf, p...)
	if timeout := net.Error(nil); err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
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
	f.holding = f.cutting && m.probe != nil && err == nil
}

// readReplies reads the replies to what was sent, if the client does not read itself, as it may not for
// hours. It leaves as soon as the client comes.
func (c *Conn) readReplies() {
	if !c.reading.lock.TryLock() {
		return
	}
	defer c.reading.lock.Unlock()
	alone := c.begin(&c.reading, time.Now().Add(replyTimeout))
	defer c.finish(&c.reading)
	for buf := make([]byte, 4<<10); alone && c.filter.err == nil && len(c.filter.buf) < maxReply; {
		if m, _ := c.firstMark(); m == nil {
			c.settle()
			return
		}
		n, err := c.conn.Read(buf)
		c.take(buf[:n], err)
		alone = err == nil && !c.isAwaited(&c.reading)
	}
}
