package testutil_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// miniredis has none of CLIENT REPLY, MONITOR and RESET.

func TestLoginsCountWhileRepliesAreOff(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	c := b.login(time.Hour)
	c.requireReplies(b.auth()+command("CLIENT", "REPLY", "OFF")+b.auth()+command("SET", "k", "v")+command("CLIENT", "REPLY", "ON")+command("GET", "k"),
		ok, ok, "$1\r\nv\r\n")
	b.requireAuths(3)
	c.requireReplies(b.auth(), ok)
	b.requireAuths(4)
}

func TestLoginsCountAroundASkippedReply(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	c := b.login(time.Hour)
	c.requireReplies(command("CLIENT", "REPLY", "SKIP")+command("SET", "k", "v")+command("GET", "k")+b.auth(), "$1\r\nv\r\n", ok)
	b.requireAuths(2)
	c.requireReplies(command("CLIENT", "REPLY", "SKIP")+b.auth()+command("GET", "k"), "$1\r\nv\r\n")
	b.requireAuths(3)
}

func TestALoginWhoseReplyIsOffExtendsTheConnectionsLife(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	auth := b.auth()
	all := b.logins(2, time.Second)
	all[0].write(command("CLIENT", "REPLY", "OFF") + auth)
	all[1].requireClosed() // whose token expires after the first one of the other
	all[0].requireReplies(command("CLIENT", "REPLY", "ON")+command("GET", "k"), ok, "$-1\r\n")
}

func TestMonitorPassesThroughAndLoginsCountBesideIt(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	c, other := b.login(time.Hour), b.login(time.Hour)
	c.requireReplies(b.auth()+command("MONITOR"), ok, ok)
	b.requireAuths(3)
	require.Equal(t, ok, other.do("SET", "k", "v"))
	require.Regexp(t, `^\+\d+\.\d+ \[0 unix:.*\] "SET" "k" "v"\r\n$`, c.reply())
	c.requireReplies(b.auth(), ok, "+") // which is monitored, too
	b.requireAuths(4)
	c.requireReplies(command("RESET"), "+RESET\r\n")
	c.requireReplies(command("PING"), noauth)
}

func TestAMonitoringConnectionIsClosedWhenItsTokenExpires(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	c := b.login(time.Second)
	c.requireReplies(command("MONITOR"), ok)
	c.requireClosed()
	require.Equal(t, 1, settled(t, b.Gateway).ClosedOnExpiry)
}

func TestResetLogsOut(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	auth := b.auth()
	all := b.logins(2, time.Second)
	c := all[0]
	c.requireReplies(command("MULTI")+auth+command("RESET"), ok, queued, "+RESET\r\n")
	requirePrefix(t, noauth, c.do("GET", "k"))
	all[1].requireClosed()
	requirePrefix(t, noauth, c.do("GET", "k")) // its old token no longer matters
	c.requireReplies(b.auth()+command("MULTI")+command("GET", "k")+command("EXEC"), ok, ok, queued, "*1\r\n$-1\r\n")
	require.Equal(t, testutil.GatewayStats{Opened: 2, Open: 1, Auths: 3, Queued: 1, ClosedOnExpiry: 1}, b.Stats())
}

func TestResetEndsSubscriptionsOfRESP2(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	c := b.login(time.Hour)
	c.requireReplies(command("SUBSCRIBE", "a")+command("RESET")+b.auth(), "*3\r\n", "+RESET\r\n", ok)
	b.requireAuths(2)
	c.requireReplies(command("RPUSH", "l", "message")+command("LRANGE", "l", "0", "-1")+b.auth(), ":1\r\n", "*1\r\n$7\r\nmessage", ok)
	b.requireAuths(3)
}

func TestAResetThatFailsDoesNotLogOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newMiniredis(t, true)
		c := b.login(time.Hour)
		start := time.Now()
		c.requireReplies(command("RESET"), "-ERR")
		require.Equal(t, ok, c.do("SET", "k", "v"))
		c.requireClosed()
		require.Equal(t, time.Hour, time.Since(start))
	})
}
