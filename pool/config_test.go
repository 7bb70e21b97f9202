package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/retry"
)

func TestBadConfigurationIsNamed(t *testing.T) {
	s := newServer(t)
	good := pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour)}
	for field, spoil := range map[string]func(*pool.Config[*conn]){
		"Dial":        func(c *pool.Config[*conn]) { c.Dial = nil },
		"Source":      func(c *pool.Config[*conn]) { c.Source = nil },
		"DialTimeout": func(c *pool.Config[*conn]) { c.DialTimeout = -1 },
		"MaxSize":     func(c *pool.Config[*conn]) { c.MaxSize = -1 },
		"MaxIdleTime": func(c *pool.Config[*conn]) { c.MaxIdleTime = -1 },
		"MaxLifetime": func(c *pool.Config[*conn]) { c.MaxLifetime = -1 },
	} {
		cfg := good
		spoil(&cfg)
		_, err := pool.New(cfg)
		var bad *auth.ConfigError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, "pool.Config."+field, bad.Field)
	}
}

func TestNothingShowsTheToken(t *testing.T) {
	token := strings.Repeat("hunter2-", 200)
	for _, c := range []struct {
		says  func(token string) error
		shows string
		class retry.Class
	}{
		{func(token string) error { return fmt.Errorf("WRONGPASS for u %s", token) }, "pool: login: WRONGPASS for u", retry.AuthFailed},
		{func(token string) error { return fmt.Errorf("mine: AUTH u %s: %w", token, errWrong) }, "pool: login: mine: AUTH u", retry.AuthFailed},
		{func(token string) error { return fmt.Errorf("mine: AUTH u %s: %w", token, io.EOF) }, "pool: login: mine: AUTH u", retry.ConnectionLost},
		{func(token string) error { return fmt.Errorf("LOADING %s", token) }, "pool: login: LOADING", retry.Busy},
		{func(token string) error {
			return fmt.Errorf("ERR unknown command 'AUTH', with args beginning with: 'u' '%s' ", token[:128]) // as Redis cuts it
		}, "pool: login: ERR unknown command 'AUTH'", retry.Permanent},
	} {
		dial := func(context.Context) (*telling, error) { return &telling{c.says}, nil }
		p, err := pool.New(pool.Config[*telling]{Dial: dial, Source: open{Username: "u", Password: token}})
		require.NoError(t, err)
		_, err = p.Acquire(t.Context())
		require.ErrorContains(t, err, c.shows)
		require.Equal(t, c.class, retry.Classify(err), c.shows)
		for ; err != nil; err = errors.Unwrap(err) {
			require.NotContains(t, fmt.Sprintf("%v %+v %#v %v %+v %#v", err, err, err, p, p, p), "hunter2")
		}
		p.Close()
	}
}

// open is a Source that hides nothing.
type open struct{ Username, Password string }

func (s open) Credentials(context.Context) (auth.Credentials, error) {
	return auth.Credentials{Username: s.Username, Password: s.Password}, nil
}

// telling is a connection whose errors repeat the token.
type telling struct{ says func(token string) error }

func (c *telling) Auth(_ context.Context, _, password string) error { return c.says(password) }

func (*telling) Close() error { return nil }
