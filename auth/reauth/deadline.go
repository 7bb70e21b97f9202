package reauth

import (
	"sync"
	"time"
)

// direction is reading or writing. It is done by the client, and by us at times when the client does
// not; the client's last deadline may long have passed then, and ours must not be the client's.
type direction struct {
	lock sync.Mutex // held while reading or writing

	// Guarded by Conn.mu:
	deadline time.Time // the client's
	ours     bool      // we have the lock
	waiting  int       // calls of the client that wait for it
}

// enter locks d for the client. Of ours it lets nothing go on longer than the client's deadline
// allows, and a read, which may be broken off, no longer at all.
func (c *Conn) enter(d *direction) {
	if d.lock.TryLock() {
		return
	}
	c.mu.Lock()
	d.waiting++
	if d.ours {
		until := d.deadline
		if d == &c.reading {
			until = longAgo
		}
		_ = c.set(d, until)
	}
	c.mu.Unlock()
	d.lock.Lock()
	c.mu.Lock()
	d.waiting--
	c.mu.Unlock()
}

// longAgo as a deadline ends what is under way.
var longAgo = time.Unix(1, 0)

// begin begins something of ours, which has until then; d is locked. It reports whether it will end then, and
// no call of the client is waiting.
func (c *Conn) begin(d *direction, until time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.ours = true
	return d.waiting == 0 && c.set(d, until) == nil // an SSH tunnel has no deadlines
}

// isAwaited reports whether a call of the client is waiting.
func (c *Conn) isAwaited(d *direction) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.waiting > 0
}

// finish ends it.
func (c *Conn) finish(d *direction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.ours = false
	_ = c.set(d, d.deadline)
}

// set sets the deadline of d that c.conn has.
func (c *Conn) set(d *direction, t time.Time) error {
	if d == &c.reading {
		return c.conn.SetReadDeadline(t)
	}
	return c.conn.SetWriteDeadline(t)
}

// setDeadline sets the client's deadline of d.
func (c *Conn) setDeadline(d *direction, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.deadline = t
	if d.ours && (d.waiting == 0 || d == &c.reading) {
		return nil // until finish
	}
	return c.set(d, t)
}

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.reading, t) }

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.writing, t) }

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	ours := c.reading.ours || c.writing.ours
	if !ours {
		c.reading.deadline, c.writing.deadline = t, t
		defer c.mu.Unlock()
		return c.conn.SetDeadline(t)
	}
	c.mu.Unlock()
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}
