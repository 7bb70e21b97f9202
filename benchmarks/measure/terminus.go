package measure

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"
)

// terminus is where connections end: a server's Unix socket, or nowhere.
type terminus struct{ socket, password string }

func (t terminus) dial(ctx context.Context) (net.Conn, error) {
	if t.socket == "" {
		return &memory{}, nil
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", t.socket)
}

func (t terminus) dialRueidis(ctx context.Context, _ string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return t.dial(ctx)
}

// memory is a connection to a server that is not there: it accepts each login, and refuses what package reauth sends to
// find out how to mark replies in the way redis-server does.
type memory struct {
	mu      sync.Mutex
	replies []byte
}

func (c *memory) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	nonce := []byte("redisentra:")
	if parts := bytes.Split(p, nonce); len(parts) > 1 {
		for _, part := range parts[1:] {
			word, _, _ := bytes.Cut(part, []byte("\r\n"))
			c.replies = fmt.Appendf(c.replies, "-ERR unknown '%s%s'\r\n", nonce, word)
		}
		c.replies = append(c.replies, "-ERR DISCARD without MULTI\r\n"...)
		return len(p), nil
	}
	c.replies = append(c.replies, "+OK\r\n"...)
	return len(p), nil
}

func (c *memory) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(p, c.replies)
	if c.replies = c.replies[n:]; len(c.replies) == 0 {
		c.replies = nil // as the other end of a socket would not hold it either
	}
	return n, nil
}

func (c *memory) Close() error                     { return nil }
func (c *memory) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (c *memory) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (c *memory) SetDeadline(time.Time) error      { return nil }
func (c *memory) SetReadDeadline(time.Time) error  { return nil }
func (c *memory) SetWriteDeadline(time.Time) error { return nil }
