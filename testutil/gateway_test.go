package testutil_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

func TestStartGatewayWantsBothFunctions(t *testing.T) {
	t.Parallel()
	dial := func(context.Context) (net.Conn, error) { return nil, io.EOF }
	login := func(string, string) (testutil.Login, error) { return testutil.Login{}, nil }
	for _, opts := range []testutil.GatewayOptions{{}, {Dial: dial}, {Login: login}} {
		_, err := testutil.StartGateway(opts)
		require.ErrorContains(t, err, "both Dial and Login")
	}
}

func TestSetRefusingRefusesGoodTokensAndLeavesLoginsAlone(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		c := b.login(time.Hour)
		b.SetRefusing(true)
		requirePrefix(t, wrongpass, c.do("AUTH", b.user.ObjectID, b.token(time.Hour)))
		requirePrefix(t, wrongpass, b.connect().do("HELLO", "3", "AUTH", b.user.ObjectID, b.token(time.Hour)))
		require.Equal(t, ok, c.do("SET", "k", "v"))
		b.SetRefusing(false)
		c.requireReplies(b.auth(), ok)
		require.Equal(t, testutil.GatewayStats{Opened: 2, Open: 2, Auths: 2, Refused: 2}, b.Stats())
		var good []bool
		for _, auth := range b.Auths() {
			good = append(good, auth.OK)
		}
		require.Equal(t, []bool{true, false, false, true}, good)
	})
}

func TestCloseConnectionsCutsAllAndTakesNewOnes(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		all := []*client{b.login(time.Hour), b.hello(time.Hour), b.connect(), b.login(time.Hour)}
		all[0].send("BLPOP", "q", "0")
		require.Equal(t, len(all), b.Stats().Open)
		b.CloseConnections()
		for _, c := range all {
			c.requireClosed()
		}
		require.Equal(t, testutil.GatewayStats{Opened: 4, Auths: 3}, settled(t, b.Gateway))
		require.Equal(t, ok, b.login(time.Hour).do("SET", "k", "v"))
		auths := b.Auths()
		require.Equal(t, 5, auths[len(auths)-1].Conn)
	})
}

func TestAConnectionThatTheClientClosesIsNoLongerOpen(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		require.NoError(t, b.login(time.Hour).conn.Close())
		c := b.login(time.Hour)
		require.Equal(t, ok, c.do("QUIT"))
		c.requireClosed()
		require.Equal(t, testutil.GatewayStats{Opened: 2, Auths: 2}, settled(t, b.Gateway))
	})
}

func TestCloseEndsConnectionsInWhateverState(t *testing.T) {
	for _, start := range []func(*testing.T) *backend{func(t *testing.T) *backend { return newMiniredis(t, false) }, newRealRedis} {
		b := start(t)
		all := []*client{b.connect(), b.login(time.Hour), b.hello(time.Hour), b.login(time.Hour), b.login(time.Hour)}
		all[1].send("BLPOP", "q", "0")
		all[2].requireReplies(command("MULTI")+b.auth(), ok, queued)
		all[3].write("*2\r\n$4\r\nECHO\r\n$100\r\nhalf of it")
		all[4].send("SUBSCRIBE", "a")
		b.Close()
		requireNoGoroutineIn(t, "testutil.(*gatewayConn).")
		requireNoGoroutineIn(t, "testutil.(*Gateway).")
		b.Close()
		_, err := b.Dial(t.Context())
		require.Error(t, err)
		require.Zero(t, b.Stats().Open)
	}
}

func TestAGatewayWhoseServerIsGoneClosesConnections(t *testing.T) {
	t.Parallel()
	for name, dial := range map[string]func(context.Context) (net.Conn, error){
		"refused": func(context.Context) (net.Conn, error) { return nil, errors.New("refused") },
		"closed": func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			return near, far.Close()
		},
	} {
		g, err := testutil.StartGateway(testutil.GatewayOptions{
			Dial: dial, Login: func(string, string) (testutil.Login, error) { return testutil.Login{}, nil },
		})
		require.NoError(t, err, name)
		t.Cleanup(g.Close)
		connect(t, g.Dial).requireClosed()
		require.Equal(t, testutil.GatewayStats{Opened: 1}, settled(t, g))
	}
}

func TestCloseDoesNotWaitForADialThatHangs(t *testing.T) {
	t.Parallel()
	dialed := make(chan bool)
	g, err := testutil.StartGateway(testutil.GatewayOptions{
		Dial: func(ctx context.Context) (net.Conn, error) {
			close(dialed)
			<-ctx.Done()
			return nil, ctx.Err()
		},
		Login: func(string, string) (testutil.Login, error) { return testutil.Login{}, nil },
	})
	require.NoError(t, err)
	c := connect(t, g.Dial)
	<-dialed
	g.Close()
	c.requireClosed()
}

func TestTwentyThousandCommandsInOnePipelineStayInOrder(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		const commands = 20_000
		c := b.login(time.Hour)
		var pipeline strings.Builder
		for i := range commands {
			pipeline.WriteString(command("ECHO", fmt.Sprintf("value-%05d", i)))
			if i%5000 == 2500 {
				pipeline.WriteString(b.auth())
			}
		}
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(c.conn, pipeline.String())
			sent <- err
		}()
		for i := range commands {
			require.True(t, c.reply() == fmt.Sprintf("$11\r\nvalue-%05d\r\n", i), "reply %d", i)
			if i%5000 == 2500 {
				require.Equal(t, ok, c.reply())
			}
		}
		require.NoError(t, <-sent)
		b.requireAuths(5)
	})
}

func TestRueidisPipelinesThroughAGateway(t *testing.T) {
	onBothBackends(t, func(t *testing.T, b *backend) {
		const commands = 5000
		b.entra.SetLifetime(time.Hour)
		c := b.rueidis()
		all := make(rueidis.Commands, commands)
		for i := range all {
			all[i] = c.B().Echo().Message(fmt.Sprint(i)).Build()
		}
		for i, result := range c.DoMulti(t.Context(), all...) {
			reply, err := result.ToString()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), reply)
		}
		require.NoError(t, c.Do(t.Context(), c.B().Set().Key("k").Value("v").Build()).Error())
		value, err := c.Do(t.Context(), c.B().Get().Key("k").Build()).ToString()
		require.NoError(t, err)
		require.Equal(t, "v", value)
	})
}

func TestARueidisSubscriberOutlivesItsTokens(t *testing.T) {
	t.Parallel()
	b := newRealRedis(t)
	b.entra.SetLifetime(3 * time.Second)
	subscriber := b.rueidis()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	confirmed, got, ended := make(chan bool), make(chan string), make(chan error, 1)
	go func() {
		var once sync.Once // also called at the end
		ctx := rueidis.WithOnSubscriptionHook(ctx, func(rueidis.PubSubSubscription) { once.Do(func() { close(confirmed) }) })
		ended <- subscriber.Receive(ctx, subscriber.B().Subscribe().Channel("a").Build(), func(m rueidis.PubSubMessage) { got <- m.Message })
	}()
	<-confirmed
	for i := 0; b.Stats().Auths < 3; i++ { // when the first token has expired
		n, err := subscriber.Do(t.Context(), subscriber.B().Publish().Channel("a").Message(fmt.Sprint(i)).Build()).AsInt64()
		require.NoError(t, err)
		require.Equal(t, int64(1), n)
		require.Equal(t, fmt.Sprint(i), <-got)
	}
	require.Equal(t, 1, b.Stats().Opened)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
}
