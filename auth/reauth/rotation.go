package reauth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redisentra/redisentra/auth"
)

const (
	// sourceTimeout bounds one question to the Source, which has nothing valid left if it takes that long.
	sourceTimeout = 10 * time.Second
	// replyTimeout bounds how long a reply is waited for where the client does not read.
	replyTimeout = time.Second
	// maxSleep bounds how long a timer is trusted; it stands still while a machine sleeps, expiry does not.
	maxSleep = time.Minute
	// patience is how many commands a client may send before its login.
	patience = 16
)

// state is what the goroutines of a connection share.
type state struct {
	closed bool
	left   bool              // the client does what cannot be followed
	given  *auth.Credentials // by Conn.Credentials
	user   string            // that the client logged in as
	held   auth.Credentials  // that the server has, or was sent last
	known  bool              // held is of the Source, not only the client's login
	by     marking
	marks  []*mark // whose replies have not been read, oldest first
	waits  bool    // credentials wait for the client to end a MULTI or the like
	doubt  bool    // held was sent once; if the reply has not been read when rotate runs next, it is sent again

	resp3    int  // see wire.Outgoing.Free
	discards bool // the same

	notices []func() // what the user is to be told, see tell

	timer  *time.Timer // runs rotate
	at     time.Time   // when rotate has something to do
	cancel func()      // ends a question of rotate to the Source; nil: there is none
	tries  int         // since the server last accepted a token
}

// leaveAlone ends all that c does on its own. It must be called, like all below that touch the
// state and do not lock it themselves, with c.mu held.
func (c *Conn) leaveAlone(why string) {
	if c.closed || c.left {
		return
	}
	c.schedule(time.Now(), time.Now()) // only to tell
	c.left = true
	c.notices = append(c.notices, func() {
		c.s.logger.Warn("reauth: a connection is not kept authenticated; the server will close it when its token expires", "addr", c.conn.RemoteAddr(), "because", why)
	})
}

// tell runs what is to be told to the user. It must be called without any lock.
func (c *Conn) tell() {
	c.mu.Lock()
	notices := c.notices
	c.notices = nil
	c.mu.Unlock()
	for _, f := range notices {
		f()
	}
}

// expect takes creds, which are about to be sent, for what the server has, and schedules what is next. Behind more
// than maxReply bytes that the client leaves unread the reply remains unknown, and the server may have refused them.
func (c *Conn) expect(creds auth.Credentials, now time.Time) {
	if c.doubt {
		c.notices = append(c.notices, func() {
			c.s.logger.Warn("reauth: no reply to a newer token has been read yet; it was sent once more", "addr", c.conn.RemoteAddr())
		})
	}
	half := c.held.ExpiresAt.Sub(now) / 2
	c.held = creds
	if c.doubt = !c.doubt && half > 0 && !creds.ExpiresAt.IsZero(); c.doubt {
		c.schedule(now.Add(half), now)
	} else {
		c.plan(now)
	}
}

// plan schedules what is next for the credentials that are held.
func (c *Conn) plan(now time.Time) {
	switch {
	case c.held.ExpiresAt.IsZero():
	case c.by.command == nil:
		c.notices = append(c.notices, func() {
			c.s.unmarked.Do(func() {
				c.s.logger.Warn("reauth: connections are closed just before their tokens expire", "because", errUnmarked)
			})
		})
		c.schedule(c.held.ExpiresAt.Add(-min(15*time.Second, c.held.ExpiresAt.Sub(c.held.IssuedAt)/50)), now)
	default:
		c.schedule(c.held.ReauthAt(now), now)
	}
}

// schedule makes rotate run at at.
func (c *Conn) schedule(at, now time.Time) {
	if c.closed || c.left {
		return
	}
	c.at = at.Round(0) // the wall clock decides
	wait := min(c.at.Sub(now.Round(0)), maxSleep)
	if n := len(c.marks); n > 0 { // to read the replies, less and less often
		wait = min(wait, max(now.Sub(c.marks[n-1].sent)/2, min(replyTimeout, lifeOf(c.held, now)/10), 20*time.Millisecond))
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.rotate)
	} else {
		c.timer.Reset(wait)
	}
}

// retry schedules another try to replace what is held.
func (c *Conn) retry(now time.Time) {
	c.tries++
	c.schedule(now.Add(pause(c.held, now, c.tries, rand.Float64())), now)
}

// rotate does what the timer is for: it looks for newer credentials and sends them.
func (c *Conn) rotate() {
	defer c.tell()
	now := time.Now().Round(0)
	c.mu.Lock()
	early, unread, asking := now.Before(c.at), len(c.marks) > 0, c.cancel != nil
	if early {
		c.schedule(c.at, now)
	}
	done, unmarked := c.closed || c.left, c.known && c.by.command == nil
	var ctx context.Context
	if !early && !done && !asking && !unmarked {
		ctx, c.cancel = context.WithTimeout(context.Background(), sourceTimeout)
		defer c.cancel()
	}
	c.mu.Unlock()
	switch {
	case done:
	case early && unread:
		c.readReplies()
	case early, asking: // who asks will schedule what is next
	case unmarked:
		c.end()
	default:
		creds, err := c.s.source.Credentials(ctx)
		if c.isNews(creds, err) && c.send(creds) {
			c.readReplies()
		}
	}
}

// isNews reports whether creds, which the Source has given with err, are to be sent now, and
// schedules the next look at the Source if not.
func (c *Conn) isNews(creds auth.Credentials, err error) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel = nil
	switch {
	case err == nil && !c.known:
		c.compare(creds, now)
	case err == nil && c.doubt && !c.writing.ours: // else it is still being sent
		return true
	case err != nil || !creds.NewsTo(c.held):
		c.retry(now)
	default:
		return true
	}
	return false
}

// compare finds out what the client logged in with, now that the Source gives creds.
func (c *Conn) compare(creds auth.Credentials, now time.Time) {
	if creds.Username != c.user && (creds.Username != "" || c.user != "default") {
		c.leaveAlone("the client logged in as a user that is not the Source's")
		return
	}
	c.known = true
	if creds.Password != c.held.Password && !creds.ExpiresAt.IsZero() {
		// A token older than creds, most likely. A Source has a newer one when about 0.8 of the margin remains.
		life := lifeOf(creds, now)
		creds.Password, creds.ExpiresAt = c.held.Password, now.Add(min(life*2/5, 4*time.Minute))
		creds.IssuedAt = creds.ExpiresAt.Add(-life)
	}
	c.held = creds
	c.plan(now)
}

// send sends creds, or lets the client's Write do that where it can be done. It reports whether they were sent.
func (c *Conn) send(creds auth.Credentials) bool {
	c.writing.lock.Lock()
	defer c.writing.lock.Unlock()
	if c.failed != nil {
		return false
	}
	if !c.free() {
		c.due = c.wait(creds)
		return false
	}
	c.due = &creds
	c.begin(&c.writing, creds.ExpiresAt)
	defer c.finish(&c.writing)
	return c.sendAuth() == nil
}

// wait returns what is due at the next free place; nil if there will be none. It looks again when half of the
// remaining time is over, and then says what is in the way.
func (c *Conn) wait(creds auth.Credentials) *auth.Credentials {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.out.Off() != "":
		c.leaveAlone("the client sent " + c.out.Off())
		return nil
	case c.out.Subscribed(c.resp3):
		c.leaveAlone("the client has subscribed to something, perhaps in RESP2: it did not log in by HELLO 3 with AUTH at first, or sent HELLO 2 later")
		return nil
	case c.waits:
		expires := c.held.ExpiresAt
		c.notices = append(c.notices, func() {
			c.s.logger.Warn("reauth: a newer token cannot be sent before the client ends its command, or its MULTI", "addr", c.conn.RemoteAddr(), "expiresAt", expires)
		})
		return &creds
	}
	c.waits = true
	c.schedule(now.Add(c.held.ExpiresAt.Sub(now)/2), now)
	return &creds
}

// errUnmarked says why connections cannot be kept.
var errUnmarked = errors.New("the server names neither an unknown option of HELLO nor an unknown command, and does not answer PING, so AUTH's reply could not be told apart; allow the user to PING (ACL: +ping)")

// end closes a connection that cannot be kept, between two commands.
func (c *Conn) end() {
	c.writing.lock.Lock()
	defer c.writing.lock.Unlock()
	now := time.Now()
	c.mu.Lock()
	expires, midway := c.held.ExpiresAt, c.out.Off() == "" && !c.out.Between()
	if midway && now.Before(expires) {
		c.schedule(now.Add(expires.Sub(now)/10+time.Millisecond), now)
		c.mu.Unlock()
		return
	}
	e := Event{Addr: c.conn.RemoteAddr(), ExpiresAt: expires, Err: fmt.Errorf("reauth: the connection was closed before its token expired: %w", errUnmarked)}
	c.notices = append(c.notices, func() { c.s.onReauth(e) })
	c.mu.Unlock()
	_ = c.Close()
}
