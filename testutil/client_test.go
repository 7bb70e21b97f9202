package testutil_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
)

// client is a Redis client that knows as little as possible: what it sends and what it
// gets is RESP as it stands.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// connect opens a connection that is closed when the test ends.
func connect(t *testing.T, dial func(context.Context) (net.Conn, error)) *client {
	t.Helper()
	conn, err := dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return newClient(t, conn)
}

func newClient(t *testing.T, conn net.Conn) *client {
	return &client{t, conn, bufio.NewReader(conn)}
}

// write sends bytes as they are. None of the methods shows what was sent, which may
// hold tokens.
func (c *client) write(raw string) {
	c.t.Helper()
	_, err := c.conn.Write([]byte(raw))
	require.NoError(c.t, err)
}

// send sends a command.
func (c *client) send(words ...string) {
	c.t.Helper()
	c.write(command(words...))
}

// command is a command in RESP.
func command(words ...string) string { return string(wire.AppendCommand(nil, words...)) }

// reply returns the next reply, line ends included.
func (c *client) reply() string {
	c.t.Helper()
	c.patience()
	reply, err := wire.AppendReply(nil, c.r)
	require.NoError(c.t, err)
	return string(reply)
}

// patience bounds how long the next read may take, for tests that fail. In memory it
// is a synctest bubble's time, which passes in hours.
func (c *client) patience() {
	most := 30 * time.Second
	if c.conn.LocalAddr().Network() == "pipe" {
		most = 100 * time.Hour
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(most))
}

// do sends a command and returns its reply.
func (c *client) do(words ...string) string {
	c.t.Helper()
	c.send(words...)
	return c.reply()
}

// login logs in, and must not fail.
func (c *client) login(username, token string) {
	c.t.Helper()
	require.Equal(c.t, "+OK\r\n", c.do("AUTH", username, token))
}

// hello logs in with RESP3, and must not fail.
func (c *client) hello(username, token string) {
	c.t.Helper()
	require.True(c.t, strings.HasPrefix(c.do("HELLO", "3", "AUTH", username, token), "%7\r\n"))
}

// requireClosed waits until the other side has closed the connection. Nothing may come before.
func (c *client) requireClosed() {
	c.t.Helper()
	c.patience()
	reply, err := wire.AppendReply(nil, c.r)
	require.Error(c.t, err, "got %q", reply)
	require.False(c.t, errors.Is(err, os.ErrDeadlineExceeded), "still open")
}
