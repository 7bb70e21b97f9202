package resp_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/pool/resp"
)

// What package pool wants of its connections.
var _ interface {
	Auth(ctx context.Context, username, password string) error
	Close() error
	Err() error
} = (*resp.Conn)(nil)

func TestCommandsWithoutOneReplyAreRefused(t *testing.T) {
	sent := 0
	h := func(args []string) (string, error) {
		sent++
		if args[0] == "EXEC" {
			return "*0\r\n", nil
		}
		return "+OK\r\n", nil
	}
	c := dialServer(t, resp.Options{}, resp3(h))
	c2 := dialServer(t, resp.Options{RESP2: true}, h)
	for _, command := range []string{
		"", "MONITOR", "monitor", "SYNC", "PSYNC ? -1", "RESET", "HELLO 2", "hello 3 AUTH u p", "CLIENT REPLY OFF", "client reply skip", "SUBSCRIBE", "unsubscribe", "PUNSUBSCRIBE",
	} {
		args := strings.Fields(command)
		_, err := c.Do(t.Context(), args...)
		require.Error(t, err, command)
		if command != "" {
			require.ErrorContains(t, err, "refused", command)
			require.ErrorContains(t, err, strings.ToUpper(args[0]))
		}
		_, perr := c.Pipeline(t.Context(), []string{"PING"}, args)
		require.ErrorContains(t, perr, "command 1 of the pipeline")
	}
	for _, command := range []string{"SUBSCRIBE a", "ssubscribe a", "PSUBSCRIBE a b", "UNSUBSCRIBE a"} {
		_, err := c2.Do(t.Context(), strings.Fields(command)...)
		require.ErrorContains(t, err, "RESP2", command)
		_, err = c.Pipeline(t.Context(), strings.Fields(command))
		require.ErrorContains(t, err, "in a pipeline", command)
	}
	require.Zero(t, sent)

	_, err := c.Do(t.Context(), "MULTI")
	require.NoError(t, err)
	_, err = c.Do(t.Context(), "SUBSCRIBE", "a")
	require.ErrorContains(t, err, "MULTI")
	require.ErrorContains(t, c.Auth(t.Context(), "u", "p"), "MULTI")
	_, err = c.Do(t.Context(), "EXEC")
	require.NoError(t, err)
	require.NoError(t, c.Auth(t.Context(), "u", "p"))
	_, err = c.Pipeline(t.Context(), []string{"MULTI"}, []string{"PING"})
	require.NoError(t, err)
	require.ErrorContains(t, c.Auth(t.Context(), "u", "p"), "MULTI")
	_, err = c.Pipeline(t.Context(), []string{"DISCARD"}, []string{"CLIENT", "REPLY", "ON"}, []string{"HELLO"})
	require.NoError(t, err)
	require.NoError(t, c.Auth(t.Context(), "u", "p"))
	require.NoError(t, c.Err())
}

func TestAnExecThatAClusterRefusesEndsItsMulti(t *testing.T) {
	for _, refusal := range []string{"MOVED 3999 127.0.0.1:6381", "CLUSTERDOWN Hash slot not served", "EXECABORT Transaction discarded because of previous errors."} {
		c := dialServer(t, resp.Options{}, resp3(func(args []string) (string, error) {
			if args[0] == "EXEC" {
				return "-" + refusal + "\r\n", nil
			}
			return "+OK\r\n", nil
		}))
		_, err := c.Do(t.Context(), "MULTI")
		require.NoError(t, err)
		_, err = c.Do(t.Context(), "EXEC")
		require.EqualError(t, err, refusal)
		require.NoError(t, c.Auth(t.Context(), "u", "p"), refusal)
	}
	c := dialServer(t, resp.Options{}, resp3(func(args []string) (string, error) {
		if args[0] == "DISCARD" {
			return "-NOPERM this user has no permissions to run the 'discard' command\r\n", nil
		}
		return "+OK\r\n", nil
	}))
	_, err := c.Do(t.Context(), "MULTI")
	require.NoError(t, err)
	_, err = c.Do(t.Context(), "DISCARD")
	require.ErrorContains(t, err, "NOPERM")
	require.ErrorContains(t, c.Auth(t.Context(), "u", "p"), "send EXEC or DISCARD first")
}

func TestAnErrorOfTheServerLeavesTheConnectionUsable(t *testing.T) {
	for _, reply := range []string{"-ERR no such thing\r\n", "!17\r\nERR no such thing\r\n"} {
		c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) { return reply, nil }))
		for range 2 {
			_, err := c.Do(t.Context(), "GET", "k")
			var e *resp.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, "ERR", e.Prefix())
			require.EqualError(t, err, "ERR no such thing")
			require.NoError(t, c.Err())
		}
	}
}

func TestAConnectionThatFailsIsClosed(t *testing.T) {
	for reply, want := range map[string]error{"": io.EOF, "$5\r\nhe": io.ErrUnexpectedEOF} {
		c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) { return reply, errors.New("enough") }))
		_, err := c.Do(t.Context(), "GET", "k")
		require.ErrorIs(t, err, want)
		requireUnusable(t, c)
	}
	c := dialServer(t, resp.Options{MaxReply: 1000}, resp3(func([]string) (string, error) { return "$1001\r\n", nil }))
	_, err := c.Do(t.Context(), "GET", "k")
	require.ErrorContains(t, err, "resp: the reply is larger than allowed by Options.MaxReply, 1000 bytes")
	requireUnusable(t, c)
}
