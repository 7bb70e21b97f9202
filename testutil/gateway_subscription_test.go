package testutil_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// confirmation is how Redis confirms a subscription, as a push or as an array.
func confirmation(kind byte, word, channel string, count int) string {
	return fmt.Sprintf("%c3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:%d\r\n", kind, len(word), word, len(channel), channel, count)
}

func TestAuthIsMatchedAroundSubscriptionsInRESP3(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t) // miniredis takes no other commands on such a connection
	c, other := b.hello(time.Hour), b.login(time.Hour)
	c.requireReplies(command("SUBSCRIBE", "a", "b"), confirmation('>', "subscribe", "a", 1), confirmation('>', "subscribe", "b", 2))
	c.requireReplies(b.auth(), ok)
	b.requireAuths(3)
	c.requireReplies(command("PSUBSCRIBE", "p*"), confirmation('>', "psubscribe", "p*", 3))
	c.requireReplies(command("SSUBSCRIBE", "s"), confirmation('>', "ssubscribe", "s", 1))
	c.requireReplies(b.auth(), ok)
	b.requireAuths(4)

	require.Equal(t, ":1\r\n", other.do("PUBLISH", "a", "message"))
	require.Equal(t, ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$7\r\nmessage\r\n", c.reply())
	require.Equal(t, ":1\r\n", other.do("PUBLISH", "pub", "subscribe"))
	require.Equal(t, ">4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$3\r\npub\r\n$9\r\nsubscribe\r\n", c.reply())
	c.requireReplies(command("PING")+command("HELLO", "3", "nonce")+b.auth(), "+PONG", "-ERR", ok)
	b.requireAuths(5)

	c.requireReplies(command("UNSUBSCRIBE", "b", "never"), confirmation('>', "unsubscribe", "b", 2), confirmation('>', "unsubscribe", "never", 2))
	c.requireReplies(command("PUNSUBSCRIBE")+command("UNSUBSCRIBE"), confirmation('>', "punsubscribe", "p*", 1), confirmation('>', "unsubscribe", "a", 0))
	c.requireReplies(command("SUNSUBSCRIBE")+b.auth(), confirmation('>', "sunsubscribe", "s", 0), ok)
	b.requireAuths(6)
}

func TestAMessageBetweenAuthAndItsReplyChangesNothing(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	c := b.hello(time.Hour)
	c.requireReplies(command("SUBSCRIBE", "a"), confirmation('>', "subscribe", "a", 1))
	// Its own messages come before the reply to PUBLISH.
	message := ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n"
	c.requireReplies(command("PUBLISH", "a", "1")+b.auth()+command("PUBLISH", "a", "2")+command("GET", "k"),
		message, ":1\r\n", ok, message, ":1\r\n", "_\r\n")
	b.requireAuths(2)
}

func TestASubscriptionThatFailsIsMatched(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		for i, word := range []string{"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"} {
			c.requireReplies(command(word)+b.auth()+command("SET", "k", "v"), "-ERR", ok, ok)
			b.requireAuths(2 + i)
		}
		c = b.connect()
		if b.real {
			c.requireReplies(command("SUBSCRIBE", "a", "b")+b.auth(), noauth, ok)
			b.requireAuths(5)
		}
	})
}

func TestASubscriptionThatFailsBehindOneOfManyChannelsIsMatched(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	c := b.hello(time.Hour)
	c.requireReplies(command("SUBSCRIBE", "a", "b")+command("SUBSCRIBE")+command("AUTH", b.user.ObjectID, "garbage"),
		">3\r\n", ">3\r\n", "-ERR", wrongpass)
	require.Equal(t, 1, b.Stats().Refused)
}

func TestASubscriptionThatFailsBehindOneThatEndsManyIsMatched(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.requireReplies(command("SUBSCRIBE", "a", "b", "c"), "*3\r\n", "*3\r\n", "*3\r\n")
		c.requireReplies(command("UNSUBSCRIBE")+command("SUBSCRIBE")+b.auth(), "*3\r\n", "*3\r\n", "*3\r\n", "-ERR", ok)
		b.requireAuths(2)
	})
}

func TestUnsubscribingFromNothingIsMatched(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		c.requireReplies(command("UNSUBSCRIBE")+command("PUNSUBSCRIBE")+b.auth(), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n", "*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n", ok)
		b.requireAuths(2)
	})
}

func TestAuthIsRefusedWhileSubscribedInRESP2AndCountsAfterwards(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c, other := b.login(time.Hour), b.login(time.Hour)
		c.requireReplies(command("SUBSCRIBE", "a", "b"), confirmation('*', "subscribe", "a", 1), confirmation('*', "subscribe", "b", 2))
		c.requireReplies(command("PSUBSCRIBE", "p*"), confirmation('*', "psubscribe", "p*", 3))
		c.requireReplies(b.auth(), "-ERR")
		require.Equal(t, ":1\r\n", other.do("PUBLISH", "a", "hi"))
		require.Equal(t, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n", c.reply())
		require.Equal(t, ":1\r\n", other.do("PUBLISH", "pub", "hi"))
		require.Equal(t, "*4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$3\r\npub\r\n$2\r\nhi\r\n", c.reply())
		require.Equal(t, "*2\r\n$4\r\npong\r\n$0\r\n\r\n", c.do("PING"))
		c.requireReplies(command("PUNSUBSCRIBE"), confirmation('*', "punsubscribe", "p*", 2))
		c.requireReplies(command("UNSUBSCRIBE", "a", "b")+b.auth(),
			confirmation('*', "unsubscribe", "a", 1), confirmation('*', "unsubscribe", "b", 0), ok)
		b.requireAuths(3)
	})
}

func TestAnArrayThatLooksLikeAMessageIsAReply(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		require.Equal(t, ":2\r\n", c.do("RPUSH", "l", "message", "subscribe"))
		list, reversed := command("LRANGE", "l", "0", "-1"), command("LRANGE", "l", "1", "1")
		c.requireReplies(list+b.auth()+reversed+b.auth(), "*2\r\n$7\r\nmessage", ok, "*1\r\n$9\r\nsubscribe", ok)
		b.requireAuths(3)
		c.requireReplies(list+command("SUBSCRIBE", "a"), "*2\r\n$7\r\nmessage", "*3\r\n$9\r\nsubscribe")
		c.requireReplies(command("UNSUBSCRIBE", "a")+reversed+b.auth(), "*3\r\n$11\r\nunsubscribe", "*1\r\n$9\r\nsubscribe", ok)
		b.requireAuths(4)
	})
}

func TestASubscriptionInMultiIsMatched(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t) // miniredis subscribes as well, but answers otherwise
	c := b.hello(time.Hour)
	c.requireReplies(command("MULTI")+command("SUBSCRIBE", "a", "b")+command("EXEC")+command("AUTH", b.user.ObjectID, "garbage")+b.auth(),
		ok, queued, "*1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na", ">3\r\n$9\r\nsubscribe\r\n$1\r\nb", wrongpass, ok)
	require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 2, Refused: 1}, b.Stats())
}

func TestASubscriptionOutlivesItsTokenByANewOne(t *testing.T) {
	asTimePasses(t, func(t *testing.T, b *backend) {
		life := time.Hour
		if b.real {
			life = 2 * time.Second
		}
		other := b.login(24 * time.Hour)
		c := b.hello(life)
		c.requireReplies(command("SUBSCRIBE", "a"), confirmation('>', "subscribe", "a", 1))
		c.requireReplies(command("AUTH", b.user.ObjectID, "no token"), "-WRONGPASS")
		c.requireReplies(b.authFor(24*time.Hour), ok)
		<-time.After(life)
		require.Equal(t, ":1\r\n", other.do("PUBLISH", "a", "m"))
		require.Contains(t, c.reply(), "message")
		require.Zero(t, b.Stats().ClosedOnExpiry)
	})
}
