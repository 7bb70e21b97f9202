package reauth

import (
	"time"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/wire"
)

// mayInsert reports whether behind the client's last command something of ours is to be sent.
func (c *Conn) mayInsert() bool {
	if c.opening.Load() {
		return c.out.LoggedIn()
	}
	return c.due != nil && c.free()
}

func (c *Conn) free() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Free(c.resp3, c.discards)
}

// insert sends what mayInsert reports. It must be called, like that, with c.writing held.
func (c *Conn) insert() error {
	l := c.out.TakeLogin()
	c.mu.Lock()
	opening, pending := c.opening.Load(), len(c.marks) > 0
	c.mu.Unlock()
	switch {
	case !opening:
		if l != nil {
			c.loggedInAnew(l)
		}
	case l != nil && c.out.Free(0, false): // not in MULTI
		return c.sendProbe(*l)
	case l != nil && pending:
		c.cannotOpen("it logged in once more where it could not be followed, before its first login was answered")
	case pending: // all the rest goes if that login is accepted, and comes here again if it is not
	case c.out.Off() != "":
		c.cannotOpen("it sent " + c.out.Off() + " before a login")
	case c.out.Subscribed(0): // which has any number of replies, or none
		c.cannotOpen("it subscribed to something before a login")
	case c.out.Commands() > patience:
		c.cannotOpen("it did not log in first")
	}
	if c.due == nil || !c.free() {
		return nil
	}
	return c.sendAuth()
}

// cannotOpen ends waiting for a login.
func (c *Conn) cannotOpen(why string) {
	c.opening.Store(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveAlone(why)
}

// sendProbe sends a probe right behind the client's login l.
func (c *Conn) sendProbe(l wire.Login) error {
	p := &probe{after: c.out.Commands(), login: l, nonces: [2]string{newNonce(), newNonce()}}
	c.mu.Lock()
	opening := c.opening.Load()
	if opening {
		c.marks = append(c.marks, &mark{probe: p})
	}
	c.mu.Unlock()
	if !opening { // a login before this one has succeeded meanwhile
		c.loggedInAnew(&l)
		return nil
	}
	return c.write(p.commands())
}

// sendAuth sends the credentials that are due. It must be called with c.writing held, when out is free.
func (c *Conn) sendAuth() error {
	creds, now := *c.due, time.Now()
	c.due = nil
	c.mu.Lock()
	if c.closed || c.left || !creds.ValidAt(now) {
		c.schedule(now, now) // they have expired while they waited
		c.mu.Unlock()
		return nil
	}
	nonce := newNonce()
	c.marks = append(c.marks, &mark{marker: []byte(c.by.before + nonce + c.by.after), sent: now, creds: creds, older: c.held, user: c.user})
	c.filtering.Store(true)
	c.waits = false
	if creds.Username != "" {
		c.user = creds.Username
	}
	c.expect(creds, now)
	buf, user := c.by.append(nil, nonce), c.user
	c.mu.Unlock()

	return c.write(wire.AppendCommand(buf, "AUTH", user, creds.Password))
}

// write writes commands of our own.
func (c *Conn) write(p []byte) error {
	n, err := c.conn.Write(p)
	if c.failed = err; err != nil && n > 0 {
		_ = c.Close()
	}
	return err
}

// loggedInAnew notes that the client has logged in again, by l, which is its own business as long
// as it does so as the same user. Whether the server accepts that remains unknown; if it does not, the
// AUTH that comes too early costs nothing.
func (c *Conn) loggedInAnew(l *wire.Login) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.user != "" && l.Username != c.user:
		c.leaveAlone("the client logged in as another user")
	case l.Password != c.held.Password:
		c.held = auth.Credentials{Username: l.Username, Password: l.Password}
		c.known, c.doubt = false, false
		c.schedule(now, now)
	}
}
