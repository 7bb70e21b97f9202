package reauth

import "time"

// deadlines keep those of the client's writes apart from those of our own, which happen when the
// client writes nothing and its last deadline may long have passed.
type deadlines struct {
	write   time.Time // the client's
	ours    bool      // a write of our own is under way
	waiting int       // writes of the client that wait for it
}

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	if c.ours && c.waiting == 0 {
		return c.conn.SetReadDeadline(t)
	}
	return c.conn.SetDeadline(t)
}

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	if c.ours && c.waiting == 0 {
		return nil
	}
	return c.conn.SetWriteDeadline(t)
}

// lockToWrite locks c.writing for a Write of the client. If it has to wait for a write of our own, its
// deadline holds for that, too.
func (c *Conn) lockToWrite() {
	if c.writing.TryLock() {
		return
	}
	c.mu.Lock()
	c.waiting++
	if c.ours {
		_ = c.conn.SetWriteDeadline(c.write)
	}
	c.mu.Unlock()
	c.writing.Lock()
	c.mu.Lock()
	c.waiting--
	c.mu.Unlock()
}

// onOurTime runs write, which writes something of our own, until then at the longest.
func (c *Conn) onOurTime(until time.Time, write func() error) error {
	c.mu.Lock()
	c.ours = true
	if c.waiting == 0 {
		_ = c.conn.SetWriteDeadline(until)
	}
	c.mu.Unlock()
	err := write()
	c.mu.Lock()
	c.ours = false
	_ = c.conn.SetWriteDeadline(c.write)
	c.mu.Unlock()
	return err
}
