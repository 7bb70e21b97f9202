package testutil_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

func TestAConnectionIsClosedWhenItsTokenExpiresAndNotBefore(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		b.entra.SetLifetime(2 * time.Second)
		c := b.connect()
		c.login(b.user.ObjectID, newToken(t, b.entra, b.user))
		c.requireClosed()
		issued := b.entra.Issued()
		require.False(t, time.Now().Before(issued[len(issued)-1].ExpiresAt))
		require.Equal(t, testutil.GatewayStats{Opened: 1, Auths: 1, ClosedOnExpiry: 1}, settled(t, b.Gateway))
	})
}

func TestAConnectionInUseIsClosedToTheMillisecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newMiniredis(t, true)
		for _, login := range []func(time.Duration) *client{b.login, b.hello} {
			c := login(time.Hour)
			start := time.Now()
			for range 59 {
				time.Sleep(time.Minute)
				require.Equal(t, ok, c.do("SET", "k", "v"))
			}
			time.Sleep(time.Minute - time.Millisecond)
			require.Equal(t, ok, c.do("SET", "k", "v"))
			c.requireClosed()
			require.Equal(t, time.Hour, time.Since(start))
		}
		synctest.Wait()
		require.Equal(t, testutil.GatewayStats{Opened: 2, Auths: 2, ClosedOnExpiry: 2}, b.Stats())
	})
}

func TestASecondAuthExtendsTheConnectionsLife(t *testing.T) {
	asTimePasses(t, func(t *testing.T, b *backend) {
		auth := b.auth()
		all := b.logins(2, time.Second)
		all[0].requireReplies(auth, ok)
		all[1].requireClosed() // whose token expires after the first one of the other
		require.Equal(t, ok, all[0].do("SET", "k", "v"))
		require.Equal(t, 1, b.Stats().ClosedOnExpiry)
	})
}

func TestTheNewestLoginDecidesEvenIfItsTokenExpiresFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newMiniredis(t, true)
		c := b.login(24 * time.Hour)
		start := time.Now()
		c.requireReplies(b.auth(), ok)
		c.requireClosed()
		require.Equal(t, time.Hour, time.Since(start))
	})
}

func TestEachAuthExtendsTheConnectionsLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newMiniredis(t, true)
		c := b.hello(time.Hour)
		for range 8 {
			time.Sleep(time.Hour - time.Second)
			c.requireReplies(b.auth()+command("SET", "k", "v"), ok, ok)
		}
		start := time.Now()
		requirePrefix(t, wrongpass, c.do("AUTH", b.user.ObjectID, "garbage"))
		c.requireClosed()
		require.Equal(t, time.Hour, time.Since(start), "the refused one must not change that")
		synctest.Wait()
		require.Equal(t, testutil.GatewayStats{Opened: 1, Auths: 8 + 1, Refused: 1, ClosedOnExpiry: 1}, b.Stats())
	})
}

func TestAuthBehindABlockedCommandCountsOnlyOnceItIsAnswered(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c, other := b.login(time.Hour), b.login(time.Hour)
		c.write(command("BLPOP", "q", "0") + command("PING", "nonce") + b.auth())
		require.Eventually(t, func() bool { return len(b.Auths()) == 3 }, 10*time.Second, time.Millisecond)
		b.requireAuths(2)
		require.Equal(t, ":1\r\n", other.do("RPUSH", "q", "item"))
		require.Equal(t, "*2\r\n$1\r\nq\r\n$4\r\nitem\r\n", c.reply())
		require.Equal(t, "$5\r\nnonce\r\n", c.reply())
		require.Equal(t, ok, c.reply())
		b.requireAuths(3)
	})
}

func TestACommandThatBlocksOverTheExpiryLosesItsConnection(t *testing.T) {
	asTimePasses(t, func(t *testing.T, b *backend) {
		auth := b.auth()
		c := b.login(time.Second)
		c.write(command("BLPOP", "q", "0") + auth)
		c.requireClosed()
		require.Equal(t, testutil.GatewayStats{Opened: 1, Auths: 1, ClosedOnExpiry: 1}, settled(t, b.Gateway))
		auths := b.Auths()
		require.Len(t, auths, 2)
		require.True(t, auths[1].OK, "the token was good, and came too late all the same")
	})
}

func TestALoginMayLastForEver(t *testing.T) {
	t.Parallel()
	s := newRedisServer(t, borrowEntra(t))
	g, err := testutil.StartGateway(testutil.GatewayOptions{
		Dial: s.dial,
		Login: func(username, _ string) (testutil.Login, error) {
			return testutil.Login{Username: username, Password: s.user(username)}, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(g.Close)
	c := connect(t, g.Dial)
	c.login("anybody", "anything")
	require.Equal(t, "$7\r\nanybody\r\n", c.do("ACL", "WHOAMI"))
	require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 1}, g.Stats())
}
