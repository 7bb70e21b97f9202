package testutil_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

const (
	ok     = "+OK\r\n"
	queued = "+QUEUED\r\n"
)

// requireReplies sends raw and requires these replies to it.
func (c *client) requireReplies(raw string, replies ...string) {
	c.t.Helper()
	c.write(raw)
	for i, want := range replies {
		got := c.reply()
		require.True(c.t, strings.HasPrefix(got, want), "reply %d: %q does not begin with %q", i, got, want)
	}
}

func TestAuthInMultiCountsOnlyAtExec(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.requireReplies(command("MULTI"), ok)
		c.requireReplies(b.auth(), queued)
		c.requireReplies(command("SET", "k", "v"), queued)
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 1, Queued: 1}, b.Stats())
		require.Len(t, b.Auths(), 2)
		require.Equal(t, "*2\r\n+OK\r\n+OK\r\n", c.do("EXEC"))
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 2, Queued: 1}, b.Stats())
	})
}

func TestAuthInMultiCountsAtExecOfOnePipeline(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.requireReplies(command("MULTI")+b.auth()+command("SET", "k", "v")+command("EXEC")+b.auth()+command("GET", "k"),
			ok, queued, queued, "*2\r\n+OK\r\n+OK\r\n", ok, "$1\r\nv\r\n")
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 3, Queued: 1}, b.Stats())
	})
}

func TestAuthInMultiDoesNotCountAfterDiscard(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.requireReplies(command("MULTI")+b.auth()+command("DISCARD"), ok, queued, ok)
		b.requireAuths(1)
		c.requireReplies(command("MULTI")+command("SET", "k", "v")+command("EXEC"), ok, queued, "*1\r\n+OK\r\n")
		b.requireAuths(1)
	})
}

func TestAuthInMultiDoesNotCountWhenAWatchedKeyChanged(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		for i, c := range []*client{b.login(time.Hour), b.hello(time.Hour)} {
			null := "*-1\r\n"
			if i == 1 && b.real { // miniredis keeps RESP2's
				null = "_\r\n"
			}
			before := b.Stats().Auths
			other := b.login(time.Hour)
			c.requireReplies(command("WATCH", "k"), ok)
			require.Equal(t, ok, other.do("SET", "k", "v"))
			c.requireReplies(command("MULTI")+b.auth()+command("EXEC"), ok, queued, null)
			b.requireAuths(before + 1)
			c.requireReplies(b.auth(), ok)
			b.requireAuths(before + 2)
		}
	})
}

func TestAuthInMultiDoesNotCountWhenExecAborts(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.requireReplies(command("MULTI")+b.auth()+command("SET", "k")+command("EXEC"), ok, queued, "-ERR", "-EXECABORT")
		b.requireAuths(1)
		c.requireReplies(command("MULTI")+command("PING")+command("EXEC"), ok, queued, "*1\r\n")
		b.requireAuths(1)
	})
}

func TestAWrongTokenInMultiNeverCounts(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.requireReplies(command("MULTI")+command("AUTH", b.user.ObjectID, "garbage")+command("EXEC"), ok, queued, "*1\r\n"+wrongpass)
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 1, Queued: 1}, b.Stats())
		c.requireReplies(command("MULTI")+b.auth()+command("AUTH", b.user.ObjectID, "garbage")+command("EXEC"), ok, queued, queued, "*2\r\n+OK\r\n"+wrongpass)
		b.requireAuths(2)
	})
}

func TestHelloInMultiCountsAtExec(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t) // miniredis does not queue HELLO
	c := b.login(time.Hour)
	c.requireReplies(command("MULTI")+command("HELLO", "3")+command("HELLO", "3", "AUTH", b.user.ObjectID, b.token(time.Hour)), ok, queued, queued)
	require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 1, Queued: 1}, b.Stats(), "a HELLO without AUTH is no login")
	requirePrefix(t, "*2\r\n%7\r\n", c.do("EXEC"))
	b.requireAuths(2)
}

func TestAuthAfterAMultiThatFailedIsNotQueued(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.connect()
		c.requireReplies(command("MULTI")+b.auth(), noauth, ok)
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 1}, b.Stats())
		c.requireReplies(command("EXEC")+command("DISCARD")+b.auth(), "-ERR EXEC without MULTI", "-ERR DISCARD without MULTI", ok)
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 2}, b.Stats())
	})
}

func TestAMultiThatLingersEndsWithTheOldToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newMiniredis(t, true)
		c := b.login(time.Hour)
		start := time.Now()
		c.requireReplies(command("MULTI"), ok)
		c.requireReplies(b.auth(), queued)
		time.AfterFunc(30*time.Minute, func() { c.send("DISCARD") })
		require.Equal(t, ok, c.reply())
		time.Sleep(15 * time.Minute)
		c.requireReplies(command("MULTI"), ok)
		c.requireReplies(b.auth(), queued)
		c.requireClosed()
		require.Equal(t, time.Hour, time.Since(start))
		require.Equal(t, 1, b.Stats().ClosedOnExpiry)
	})
}

func TestExecExtendsTheConnectionsLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newMiniredis(t, true)
		c := b.login(time.Hour)
		start := time.Now()
		time.Sleep(30 * time.Minute)
		c.requireReplies(command("MULTI"), ok)
		c.requireReplies(b.auth(), queued)
		time.Sleep(29 * time.Minute)
		require.Equal(t, "*1\r\n+OK\r\n", c.do("EXEC"))
		c.requireClosed()
		require.Equal(t, 90*time.Minute, time.Since(start), "an hour from when the token was issued")
	})
}
