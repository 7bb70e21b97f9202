package testutil_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

const (
	wrongpass = "-WRONGPASS"
	noauth    = "-NOAUTH"
)

func requirePrefix(t *testing.T, prefix, reply string) {
	t.Helper()
	require.True(t, strings.HasPrefix(reply, prefix), "%q does not begin with %q", reply, prefix)
}

func TestWithoutALoginCommandsAreRefused(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.connect()
		requirePrefix(t, noauth, c.do("PING"))
		requirePrefix(t, noauth, c.do("SET", "k", "v"))
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1}, b.Stats())
	})
}

func TestAGoodTokenLogsInByAuthAndByHello(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		for i, login := range [][]string{
			{"AUTH", b.user.ObjectID, b.token(time.Hour)},
			{"auth", b.user.ObjectID, b.token(time.Hour)},
			{"HELLO", "2", "AUTH", b.user.ObjectID, b.token(time.Hour)},
			{"hello", "3", "auth", b.user.ObjectID, b.token(time.Hour)},
			{"HELLO", "3", "AUTH", b.user.ObjectID, b.token(time.Hour), "SETNAME", "name"},
			{"HELLO", "3", "SETNAME", "AUTH", "AUTH", b.user.ObjectID, b.token(time.Hour)},
			{"HELLO", "2", "SETNAME", "name", "AUTH", b.user.ObjectID, b.token(time.Hour)},
		} {
			c := b.connect()
			reply := c.do(login...)
			require.True(t, map[byte]bool{'+': i < 2, '%': login[1] == "3", '*': login[1] == "2"}[reply[0]], "%q", reply)
			require.Equal(t, "+OK\r\n", c.do("SET", "k", "v"))
			require.Equal(t, "$1\r\nv\r\n", c.do("GET", "k"))
			if b.real {
				require.Equal(t, "$36\r\n"+b.user.ObjectID+"\r\n", c.do("ACL", "WHOAMI"))
			}
			require.Equal(t, testutil.GatewayStats{Opened: i + 1, Open: i + 1, Auths: i + 1}, b.Stats())
			auths := b.Auths()
			require.Len(t, auths, i+1)
			require.False(t, auths[i].At.IsZero())
			auths[i].At = time.Time{}
			require.Equal(t, testutil.Auth{Conn: i + 1, Username: b.user.ObjectID, OK: true}, auths[i])
		}
	})
}

func TestHelloSetsTheName(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t) // miniredis forgets the name
	c := b.connect()
	requirePrefix(t, "%7", c.do("HELLO", "3", "AUTH", b.user.ObjectID, b.token(time.Hour), "SETNAME", "worker-1"))
	require.Equal(t, "$8\r\nworker-1\r\n", c.do("CLIENT", "GETNAME"))
	requirePrefix(t, "*14", c.do("HELLO", "2", "SETNAME", "worker-2", "AUTH", b.user.ObjectID, b.token(time.Hour)))
	require.Equal(t, "$8\r\nworker-2\r\n", c.do("CLIENT", "GETNAME"))
	b.requireAuths(2)
}

func TestATokenThatIsNotThePrincipalsIsRefused(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		good, other := b.token(time.Hour), b.entra.NewPrincipal()
		refused := 0
		for name, login := range map[string][]string{
			"another principal's":   {b.user.ObjectID, newToken(t, b.entra, other)},
			"for another principal": {other.ObjectID, good},
			"expired":               {b.user.ObjectID, expiredToken(t, b.entra, b.user)},
			"garbage":               {b.user.ObjectID, "garbage"},
			"binary":                {b.user.ObjectID, "\x00\r\n\xff"},
			"empty":                 {b.user.ObjectID, ""},
			"nobody's":              {"nobody", good},
			"the default user's":    {"default", good},
		} {
			for _, c := range []*client{b.connect(), b.login(time.Hour)} {
				requirePrefix(t, wrongpass, c.do("AUTH", login[0], login[1]))
				requirePrefix(t, wrongpass, c.do("HELLO", "3", "AUTH", login[0], login[1]))
				refused += 2
				require.Equal(t, refused, b.Stats().Refused, name)
				auths := b.Auths()
				require.False(t, auths[len(auths)-1].OK, name)
				require.Equal(t, login[0], auths[len(auths)-1].Username)
			}
		}
		c := b.connect()
		requirePrefix(t, wrongpass, c.do("AUTH", good)) // a password only is the default user's
		requirePrefix(t, noauth, c.do("PING"))
	})
}

func TestMalformedLoginsAreTheServersToRefuse(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		for _, words := range [][]string{
			{"AUTH"},
			{"AUTH", "a", "b", "c"},
			{"HELLO", "x"},
			{"HELLO", "3", "AUTH"},
			{"HELLO", "3", "AUTH", "a"},
			{"HELLO", "3", "NONSENSE"},
			{"HELLO", "9"},
			{"HELLO", "9", "AUTH", b.user.ObjectID, b.token(time.Hour)},
		} {
			requirePrefix(t, "-", c.do(words...))
			require.Equal(t, "+OK\r\n", c.do("SET", "k", "v"))
		}
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 1}, b.Stats())
	})
}

func TestAHelloWithAnOptionThatNobodyKnowsLogsNobodyIn(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		for _, tail := range [][]string{{"NONSENSE"}, {"SETNAME"}, {"SETNAME", "name", "NONSENSE"}} {
			c := b.connect()
			hello := command(append([]string{"HELLO", "3", "AUTH", b.user.ObjectID, b.token(time.Hour)}, tail...)...)
			c.requireReplies(hello+command("GET", "k"), "-ERR", noauth)
		}
		b.requireAuths(0)
	})
}

func TestAHelloThatFailsBetweenCommandsIsMatched(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		for n, c := range []*client{b.login(time.Hour), b.hello(time.Hour)} {
			hello := command("HELLO", "3", "nonce")
			c.requireReplies(command("SET", "k", "v")+hello+b.auth()+command("GET", "k")+hello+command("AUTH", b.user.ObjectID, "garbage")+command("GET", "k"),
				ok, "-ERR", ok, "$1\r\nv", "-ERR", wrongpass, "$1\r\nv")
			b.requireAuths(3 + n)
			require.Equal(t, n+1, b.Stats().Refused)
		}
	})
}

func TestARefusedAuthLeavesTheOldLoginInPlace(t *testing.T) {
	asTimePasses(t, func(t *testing.T, b *backend) {
		c := b.login(time.Second)
		requirePrefix(t, wrongpass, c.do("AUTH", b.user.ObjectID, "garbage"))
		require.Equal(t, "+OK\r\n", c.do("SET", "k", "v"))
		c.requireClosed() // as its token has expired
		require.Equal(t, testutil.GatewayStats{Opened: 1, Auths: 1, Refused: 1, ClosedOnExpiry: 1}, settled(t, b.Gateway))
	})
}

// settled returns the counts once no connection is open any more, which the gateway
// notices after its client.
func settled(t *testing.T, g *testutil.Gateway) testutil.GatewayStats {
	t.Helper()
	require.Eventually(t, func() bool { return g.Stats().Open == 0 }, 10*time.Second, time.Millisecond)
	return g.Stats()
}

func TestRepliesStayInOrderAroundAuthInAPipeline(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		const commands = 1000
		c := b.login(time.Hour)
		var pipeline, want strings.Builder
		for i := range commands {
			value := fmt.Sprintf("value-%04d", i)
			pipeline.WriteString(command("ECHO", value))
			fmt.Fprintf(&want, "$10\r\n%s\r\n", value)
			switch i {
			case commands / 4:
				pipeline.WriteString(command("AUTH", b.user.ObjectID, "garbage"))
				want.WriteString("-")
			case commands / 2:
				pipeline.WriteString(b.auth())
				want.WriteString("+OK\r\n")
			}
		}
		c.write(pipeline.String())
		var got strings.Builder
		for range commands + 2 {
			reply := c.reply()
			if strings.HasPrefix(reply, wrongpass) {
				reply = "-"
			}
			got.WriteString(reply)
		}
		require.True(t, want.String() == got.String())
		require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 2, Refused: 1}, b.Stats())
	})
}

func TestInlineAuthLogsIn(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.connect()
		c.write("AUTH " + b.user.ObjectID + " " + b.token(time.Hour) + "\r\n")
		require.Equal(t, "+OK\r\n", c.reply())
		require.Equal(t, "+OK\r\n", c.do("SET", "k", "v"))
		b.requireAuths(1)
	})
}

func TestEmptyCommandsHaveNoReply(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.write("\r\n*0\r\n \r\n*-1\r\n" + command("ECHO", "a") + "*0\r\n" + b.auth())
		require.Equal(t, "$1\r\na\r\n", c.reply())
		require.Equal(t, "+OK\r\n", c.reply())
		b.requireAuths(2)
	})
}

func TestBytesThatAreNotRESPEndTheConnection(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.write("*1\r\n+PING\r\n")
		c.requireClosed()
		require.Zero(t, settled(t, b.Gateway).ClosedOnExpiry)
	})
}

func TestACommandIsPassedOnBeforeTheNextOneIsWhole(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		next := command("ECHO", "second")
		c.write(command("ECHO", "first") + next[:len(next)/2])
		require.Equal(t, "$5\r\nfirst\r\n", c.reply())
		c.write(next[len(next)/2:])
		require.Equal(t, "$6\r\nsecond\r\n", c.reply())
	})
}

func TestCommandsArriveInWhateverPiecesTheyAreSent(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.connect()
		for _, single := range []byte(b.auth() + command("SET", "k", "a\r\nb") + command("GET", "k")) {
			c.write(string(single))
		}
		require.Equal(t, "+OK\r\n", c.reply())
		require.Equal(t, "+OK\r\n", c.reply())
		require.Equal(t, "$4\r\na\r\nb\r\n", c.reply())
		b.requireAuths(1)
	})
}
