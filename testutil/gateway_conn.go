package testutil

import (
	"bufio"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redisentra/redisentra/internal/wire"
)

// gatewayConn is one connection through a [Gateway]: one goroutine passes commands
// on, another one the replies, and expects tells the second what the first sent.
type gatewayConn struct {
	g       *Gateway
	number  int
	client  net.Conn
	backend net.Conn

	mu      sync.Mutex // guards what follows
	expects []expected // the replies that are to come, in order, from next on
	next    int
	blind   bool        // replies to new commands cannot be told apart; logins count when sent
	resp2   bool        // subscribed in RESP2, where messages look like replies
	queued  *Login      // waits for its EXEC
	until   *Login      // the login that counts; nil: none
	timer   *time.Timer // closes the connection when until expires
	gone    bool
}

func (c *gatewayConn) serve(ctx context.Context) {
	defer c.leave()
	backend, err := c.g.opts.Dial(ctx)
	if err != nil {
		return
	}
	c.mu.Lock()
	c.backend = backend
	gone := c.gone
	c.mu.Unlock()
	if gone {
		_ = backend.Close()
		return
	}
	c.g.wg.Go(func() {
		defer c.close()
		c.replies()
	})
	c.commands()
}

// close ends the connection; both goroutines notice.
func (c *gatewayConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

// end is close with c.mu held.
func (c *gatewayConn) end() {
	c.gone = true
	if c.timer != nil {
		c.timer.Stop()
	}
	// A TLS connection's Close says goodbye to a client that may not be reading;
	// the transport's does not.
	if t, ok := c.client.(interface{ NetConn() net.Conn }); ok {
		_ = t.NetConn().Close()
	} else {
		_ = c.client.Close()
	}
	if c.backend != nil {
		_ = c.backend.Close()
	}
}

func (c *gatewayConn) leave() {
	c.close()
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	delete(c.g.conns, c)
}

// commands passes on what the client sends.
func (c *gatewayConn) commands() {
	w := bufio.NewWriterSize(c.backend, 64<<10)
	r := bufio.NewReaderSize(flushingReader{c.client, w}, 64<<10)
	var cmd wire.Command
	for {
		if err := cmd.Read(r); err != nil {
			return
		}
		if _, err := w.Write(c.inspect(&cmd)); err != nil {
			return
		}
	}
}

// replies passes on what the server sends.
func (c *gatewayConn) replies() {
	w := bufio.NewWriterSize(c.client, 64<<10)
	r := bufio.NewReaderSize(flushingReader{c.backend, w}, 64<<10)
	var reply []byte
	for {
		var err error
		if reply, err = wire.AppendReply(reply[:0], r); err != nil {
			_ = w.Flush()
			return
		}
		c.observe(reply)
		if _, err = w.Write(reply); err != nil {
			return
		}
	}
}

// flushingReader flushes w before each Read, so that what is whole is passed on at
// once, while the rest of what comes next may take its time.
type flushingReader struct {
	io.Reader
	w *bufio.Writer
}

func (f flushingReader) Read(p []byte) (int, error) {
	if err := f.w.Flush(); err != nil {
		return 0, err
	}
	return f.Reader.Read(p)
}

// inspect returns the bytes to send for cmd, and notes what reply they will have.
func (c *gatewayConn) inspect(cmd *wire.Command) []byte {
	if len(cmd.Args) == 0 {
		return nil // it has no reply, and miniredis panics on an empty array
	}
	raw, e := cmd.Raw, expected{}
	blind := false
	name := cmd.Args[0]
	switch {
	case len(name) < 4 || len(name) > 12: // none of those below
	case wire.Is(name, "AUTH"):
		e.kind = login
		switch args := cmd.Args; len(args) {
		case 2:
			e.login, raw = c.rewrite(args[:1], "default", string(args[1]))
		case 3:
			e.login, raw = c.rewrite(args[:1], string(args[1]), string(args[2]))
		}
	case wire.Is(name, "HELLO"):
		args := cmd.Args
		for i := 2; i+2 < len(args); i++ {
			if wire.Is(args[i], "AUTH") {
				e.kind = login
				// AUTH goes last, as Redis 7.0 logs in before it finds fault with later options.
				before := slices.Concat(args[:i], args[i+3:], args[i:i+1])
				e.login, raw = c.rewrite(before, string(args[i+1]), string(args[i+2]))
				break
			}
			if wire.Is(args[i], "SETNAME") {
				i++
			}
		}
	case wire.Is(name, "EXEC"):
		e.kind = execute
	case wire.Is(name, "DISCARD"):
		e.kind = discard
	case wire.Is(name, "RESET"):
		e.kind = reset
	case wire.Is(name, "SUBSCRIBE"), wire.Is(name, "PSUBSCRIBE"), wire.Is(name, "SSUBSCRIBE"),
		wire.Is(name, "UNSUBSCRIBE"), wire.Is(name, "PUNSUBSCRIBE"), wire.Is(name, "SUNSUBSCRIBE"):
		e.kind, e.word, e.more = subscription, strings.ToLower(string(name)), max(1, len(cmd.Args)-1)
	case wire.Is(name, "MONITOR"), wire.Is(name, "SYNC"), wire.Is(name, "PSYNC"),
		wire.Is(name, "CLIENT") && len(cmd.Args) > 1 && wire.Is(cmd.Args[1], "REPLY"):
		blind = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.blind:
		c.extend(e.login)
	case blind:
		c.blind = true
	default:
		c.push(e)
	}
	return raw
}

// rewrite returns a command that ends with the server's own user in the place of username
// and token. A token that may not log in becomes a password that the server refuses.
func (c *gatewayConn) rewrite(before [][]byte, username, token string) (*Login, []byte) {
	l, err := c.g.login(c, username, token)
	if err != nil {
		l = Login{Username: username, Password: c.g.nobody}
	}
	raw := wire.AppendCommand(nil, slices.Concat(before, [][]byte{[]byte(l.Username), []byte(l.Password)})...)
	if err != nil {
		return nil, raw
	}
	return &l, raw
}

// extend lets the connection live as long as l. It must be called with c.mu held.
func (c *gatewayConn) extend(l *Login) {
	if l == nil || c.gone {
		return
	}
	c.g.count(func(s *GatewayStats) { s.Auths++ })
	if c.timer != nil {
		c.timer.Stop()
	}
	if !l.ExpiresAt.IsZero() {
		c.timer = time.AfterFunc(time.Until(l.ExpiresAt), func() { c.expire(l) })
	}
	c.until = l
}

// expire closes the connection, unless it has logged in anew since.
func (c *gatewayConn) expire(l *Login) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until == l && !c.gone {
		c.g.count(func(s *GatewayStats) { s.ClosedOnExpiry++ })
		c.end()
	}
}
