package resp_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
	"github.com/redisentra/redisentra/pool/resp"
)

func TestPushesDoNotStandForReplies(t *testing.T) {
	var pushes []string
	c := dialServer(t, resp.Options{OnPush: func(v resp.Value) { pushes = append(pushes, v.String()) }}, resp3(func(args []string) (string, error) {
		return ">1\r\n+before\r\n>1\r\n+too\r\n+" + args[0] + "\r\n>1\r\n+behind\r\n", nil
	}))
	v, err := c.Do(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "a", v.String())
	vs, err := c.Pipeline(t.Context(), []string{"b"}, []string{"c"})
	require.NoError(t, err)
	require.Equal(t, []string{"b", "c"}, []string{vs[0].String(), vs[1].String()})
	require.Equal(t, "[before] [too] [behind] [before] [too] [behind] [before] [too]", strings.Join(pushes, " "))
}

func TestOnPushMayNotUseTheConnectionButMayCloseIt(t *testing.T) {
	var c *resp.Conn
	var errs []error
	closing := false
	onPush := func(resp.Value) {
		if closing {
			require.NoError(t, c.Close())
			return
		}
		_, err := c.Do(context.Background(), "PING")
		_, perr := c.Pipeline(context.Background(), []string{"PING"})
		errs = append(errs, err, perr, c.Auth(context.Background(), "u", "p"), c.Listen(context.Background()))
	}
	c = dialServer(t, resp.Options{OnPush: onPush}, resp3(func([]string) (string, error) { return ">0\r\n+OK\r\n", nil }))
	_, err := c.Do(t.Context(), "GET", "k")
	require.NoError(t, err)
	require.Equal(t, []error{resp.ErrInUse, resp.ErrInUse, resp.ErrInUse, resp.ErrInUse}, errs)
	closing = true
	_, _ = c.Do(t.Context(), "GET", "k")
	requireUnusable(t, c)
}

func TestAnOnPushThatPanicsClosesTheConnection(t *testing.T) {
	c := dialServer(t, resp.Options{OnPush: func(resp.Value) { panic("oh no") }}, resp3(func([]string) (string, error) { return ">0\r\n+OK\r\n", nil }))
	require.PanicsWithValue(t, "oh no", func() { _, _ = c.Do(t.Context(), "GET", "k") })
	requireUnusable(t, c)
}

func TestASecondGoroutineIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan string)
		c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) { return <-answer, nil }))
		first := make(chan error)
		go func() {
			_, err := c.Do(t.Context(), "GET", "k")
			first <- err
		}()
		synctest.Wait()
		_, err := c.Do(t.Context(), "GET", "k")
		require.ErrorIs(t, err, resp.ErrInUse)
		answer <- "+OK\r\n"
		require.NoError(t, <-first)
		require.NoError(t, c.Err())
	})
}

func TestListenHandsOnPushesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		var pushes []string
		dial := make(chan *resp.Conn)
		go func() {
			c, err := resp.Dial(t.Context(), "tcp", "x:1", &resp.Options{DialContext: over(near), OnPush: func(v resp.Value) { pushes = append(pushes, v.String()) }})
			require.NoError(t, err)
			dial <- c
		}()
		r, cmd := newBufio(far), wire.Command{}
		answer := func(s string) {
			require.NoError(t, cmd.Read(r))
			_, err := far.Write([]byte(s))
			require.NoError(t, err)
		}
		answer("%0\r\n")
		c := <-dial
		for range 3 {
			requireInTime(t, func(ctx context.Context) error {
				go func() {
					time.Sleep(time.Second / 2)
					_, _ = far.Write([]byte(">1\r\n+a\r\n>1\r\n+b\r\n"))
				}()
				return c.Listen(ctx)
			})
			require.NoError(t, c.Err())
			go answer("+OK\r\n")
			v, err := c.Do(t.Context(), "PING")
			require.NoError(t, err)
			require.Equal(t, "OK", v.String())
		}
		require.Equal(t, strings.Repeat("[a] [b] ", 3*len(contexts)), strings.Join(pushes, " ")+" ")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { _, _ = far.Write([]byte(">1\r\n+half")) }()
		require.ErrorIs(t, c.Listen(ctx), context.DeadlineExceeded)
		requireUnusable(t, c)
	})
}

func TestListenDoesNotTakeAReply(t *testing.T) {
	near, far := net.Pipe()
	go func() {
		_, _ = far.Write([]byte(">0\r\n+OK\r\n"))
		_ = far.Close()
	}()
	c, err := resp.Dial(t.Context(), "tcp", "x:1", &resp.Options{RESP2: true, DialContext: over(near)})
	require.NoError(t, err)
	require.ErrorContains(t, c.Listen(t.Context()), "a reply of kind simple string to no command")
	requireUnusable(t, c)
}

func TestASubscriptionEndsWithItsLastConfirmation(t *testing.T) {
	var pushes []string
	c := dialServer(t, resp.Options{OnPush: func(v resp.Value) { pushes = append(pushes, v.String()) }}, resp3(func(args []string) (string, error) {
		switch args[0] {
		case "subscribe":
			return ">3\r\n+message\r\n+a\r\n+subscribe\r\n>3\r\n+subscribe\r\n+a\r\n:1\r\n>3\r\n+message\r\n+a\r\n+hello\r\n" +
				">3\r\n+subscribe\r\n+b\r\n:2\r\n>3\r\n+message\r\n+b\r\n+later\r\n", nil
		case "SUNSUBSCRIBE": // the first one because a slot has moved
			return ">3\r\n+sunsubscribe\r\n+other\r\n:1\r\n>3\r\n+sunsubscribe\r\n+a\r\n:0\r\n", nil
		case "PSUBSCRIBE":
			return "-NOPERM no\r\n", nil
		case "SSUBSCRIBE":
			return "+OK\r\n", nil
		}
		return "+OK\r\n", nil
	}))
	v, err := c.Do(t.Context(), "subscribe", "a", "b")
	require.NoError(t, err)
	require.Equal(t, "[subscribe b 2]", v.String())
	v, err = c.Do(t.Context(), "PING")
	require.NoError(t, err)
	require.Equal(t, "OK", v.String())
	v, err = c.Do(t.Context(), "SUNSUBSCRIBE", "a")
	require.NoError(t, err)
	require.Equal(t, "[sunsubscribe a 0]", v.String())
	require.Equal(t, "[message a subscribe] [message a hello] [message b later] [sunsubscribe other 1]", strings.Join(pushes, " "))
	_, err = c.Do(t.Context(), "PSUBSCRIBE", "a")
	require.EqualError(t, err, "NOPERM no")
	require.NoError(t, c.Err())
	_, err = c.Do(t.Context(), "SSUBSCRIBE", "a")
	require.ErrorIs(t, err, wire.ErrProtocol)
	requireUnusable(t, c)
}
