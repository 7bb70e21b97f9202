package reauth

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/redact"
)

// firstMark returns the mark whose replies come next, and whether the client's replies must be counted.
func (c *Conn) firstMark() (*mark, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.marks) == 0 {
		return nil, c.opening.Load()
	}
	return c.marks[0], false
}

// passed notes the replies to m, the first mark; last is the first byte of the client's reply before them.
func (c *Conn) passed(m *mark, replies [][]byte, last byte) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks = slices.Delete(c.marks, 0, 1)
	if m.probe != nil {
		if last != '-' { // else the client may try again
			c.loggedIn(m.probe, replies, last, now)
		}
		return
	}
	c.answered(m, replies[0], now)
}

// answered notes the reply to the AUTH of m.
func (c *Conn) answered(m *mark, reply []byte, now time.Time) {
	e := Event{Addr: c.conn.RemoteAddr(), Took: now.Sub(m.sent), ExpiresAt: m.creds.ExpiresAt}
	if reply := string(bytes.TrimSpace(reply)); reply != "+OK" {
		e.Err = errors.New("reauth: the server refused the token: " + redact.Reply(reply[1:], m.creds.Password))
	}
	c.notices = append(c.notices, func() { c.s.onReauth(e) })
	last := len(c.marks) == 0
	if e.Err == nil {
		if c.tries = 0; c.doubt && last {
			c.doubt = false
			c.plan(now)
		}
		return
	}
	c.notices = append(c.notices, func() {
		c.s.logger.Warn("reauth: the server refused a newer token; the connection goes on with the older one and tries again",
			"addr", e.Addr, "error", e.Err, "expiresAt", m.older.ExpiresAt)
	})
	switch {
	case last && c.held.Password == m.creds.Password: // the client has sent no other one since
		c.held, c.user, c.doubt = m.older, m.user, false
		c.retry(now)
	case !last && c.marks[0].older.Password == m.creds.Password:
		c.marks[0].older, c.marks[0].user = m.older, m.user
	}
}

// loggedIn begins the rotation, with the login of p, whose reply began with first.
func (c *Conn) loggedIn(p *probe, replies [][]byte, first byte, now time.Time) {
	c.opening.Store(false)
	c.user = p.login.Username
	if first == '%' {
		c.resp3 = p.after
	}
	c.by, c.discards = p.marking(replies), p.discards(replies)
	c.held = auth.Credentials{Username: p.login.Username, Password: p.login.Password}
	if g := c.given; g != nil && g.Password == c.held.Password {
		c.compare(*g, now)
	} else {
		c.known = false
		c.schedule(now, now)
	}
	c.given = nil
}
