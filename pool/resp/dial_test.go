package resp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool/resp"
)

func TestDialAndAuthSpeakWhatTheServerDoes(t *testing.T) {
	const (
		noauth  = "-NOAUTH HELLO must be called with the client already authenticated\r\n"
		unknown = "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n"
		wrong   = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	)
	for name, tt := range map[string]struct {
		opts     resp.Options
		username string
		hello    string   // the reply to HELLO 3
		login    []string // the replies to logins
		sent     []string // after HELLO 3
		dialErr  string
		authErr  string
	}{
		"RESP3, no login wanted":   {hello: "%0\r\n", login: []string{"+OK\r\n"}, sent: []string{"AUTH u p"}},
		"RESP3, login wanted":      {hello: noauth, login: []string{"%0\r\n", "+OK\r\n"}, sent: []string{"HELLO 3 AUTH u p", "AUTH u p"}},
		"no HELLO":                 {hello: unknown, login: []string{"+OK\r\n"}, sent: []string{"AUTH u p"}},
		"no RESP3":                 {hello: "-NOPROTO unsupported protocol version\r\n", login: []string{"+OK\r\n"}, sent: []string{"AUTH u p"}},
		"HELLO is forbidden":       {hello: "-NOPERM this user has no permissions\r\n", login: []string{"+OK\r\n"}, sent: []string{"AUTH u p"}},
		"no HELLO, found out late": {hello: noauth, login: []string{unknown, "+OK\r\n"}, sent: []string{"HELLO 3 AUTH u p", "AUTH u p"}},
		"refused, then accepted":   {hello: noauth, login: []string{wrong, "%0\r\n"}, sent: []string{"HELLO 3 AUTH u p", "HELLO 3 AUTH u p"}, authErr: "WRONGPASS invalid username-password pair or user is disabled."},
		"the default user":         {username: "-", hello: noauth, login: []string{"%0\r\n", "+OK\r\n"}, sent: []string{"HELLO 3 AUTH default p", "AUTH p"}},
		"RESP2 is asked for":       {opts: resp.Options{RESP2: true}, login: []string{"+OK\r\n"}, sent: []string{"AUTH u p"}},
		"protected mode":           {hello: "-DENIED Redis is running in protected mode\r\n", dialErr: "DENIED Redis"},
		"too many clients":         {hello: "-ERR max number of clients reached\r\n", dialErr: "max number"},
		"no Redis":                 {hello: "HTTP/1.1 400 Bad Request\r\n", dialErr: "not RESP"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent []string
			near, far := net.Pipe()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				serve(far, func(args []string) (string, error) {
					line := strings.Join(args, " ")
					if line == "HELLO 3" {
						return tt.hello, nil
					}
					sent = append(sent, line)
					reply := tt.login[0]
					tt.login = tt.login[1:]
					return reply, nil
				})
			}()
			tt.opts.DialContext = over(near)
			c, err := resp.Dial(t.Context(), "tcp", "localhost:1", &tt.opts)
			if tt.dialErr != "" {
				require.ErrorContains(t, err, tt.dialErr)
				require.Nil(t, c)
				<-ended // as the connection was closed
				return
			}
			require.NoError(t, err)
			user := "u"
			if tt.username != "" {
				user = ""
			}
			for len(tt.login) > 0 {
				err = c.Auth(t.Context(), user, "p")
				if tt.authErr != "" {
					require.EqualError(t, err, tt.authErr)
					tt.authErr = ""
					continue
				}
				require.NoError(t, err)
			}
			require.NoError(t, c.Close())
			<-ended
			require.Equal(t, tt.sent, sent)
		})
	}
}

func TestDialRefusesOptionsThatCannotWork(t *testing.T) {
	for field, tt := range map[string]struct {
		addr string
		opts resp.Options
	}{
		"resp.Options.MaxReply":  {"localhost:1", resp.Options{MaxReply: -1}},
		"resp.Options.TLSConfig": {"/run/redis.sock", resp.Options{TLSConfig: &tls.Config{}}},
	} {
		tt.opts.DialContext = func(context.Context, string, string) (net.Conn, error) { panic("dialed") }
		_, err := resp.Dial(t.Context(), "tcp", tt.addr, &tt.opts)
		var config *auth.ConfigError
		require.ErrorAs(t, err, &config)
		require.Equal(t, field, config.Field)
	}
}

func TestDialTellsWhyThereIsNoConnection(t *testing.T) {
	down := errors.New("the network is down")
	_, err := resp.Dial(t.Context(), "tcp", "localhost:1", &resp.Options{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, down }})
	require.ErrorIs(t, err, down)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = resp.Dial(t.Context(), "tcp", addr, nil)
	require.ErrorContains(t, err, "connection refused")

	near, far := net.Pipe()
	require.NoError(t, far.Close())
	_, err = resp.Dial(t.Context(), "tcp", "localhost:1", &resp.Options{DialContext: over(near)})
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// A server that does not know a command repeats its arguments, up to a length.
func TestNoErrorShowsAPassword(t *testing.T) {
	const password = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxMjM0In0.c2lnbmF0dXJl and more hunter2"
	for _, shown := range []string{password, password[:20], password[:9], "'" + password + "'", strings.Repeat(password, 3)} {
		for _, form := range []string{"-ERR unknown command 'AUTH', with args beginning with: 'u' '%s' \r\n", "-ERR no such thing as %s here\r\n", "-%s\r\n", "!%[2]d\r\n%[1]s\r\n"} {
			reply := fmt.Sprintf(form, shown)
			if form[0] == '!' {
				reply = fmt.Sprintf(form, shown, len(shown))
			}
			for _, hello := range []string{"%0\r\n", "-NOAUTH login\r\n"} {
				c := dialServer(t, resp.Options{}, func(args []string) (string, error) {
					if len(args) == 2 && args[0] == "HELLO" {
						return hello, nil
					}
					return reply, nil
				})
				replies, err := c.Pipeline(t.Context(), []string{"AUTH", "u", password})
				require.NoError(t, err)
				_, doErr := c.Do(t.Context(), "auth", password)
				for _, err := range []error{c.Auth(t.Context(), "u", password), doErr, replies[0].Err()} {
					var e *resp.Error
					require.ErrorAs(t, err, &e)
					require.NotContains(t, err.Error(), password[:9])
					require.NotContains(t, err.Error(), "hunter2")
				}
				require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", c, c, c, c), password[:9])
			}
		}
	}
}
