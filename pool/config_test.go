package pool_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
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

func TestNoErrorShowsTheToken(t *testing.T) {
	dial := func(context.Context) (*telling, error) { return &telling{}, nil }
	p, err := pool.New(pool.Config[*telling]{Dial: dial, Source: auth.Static("u", "hunter2")})
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Acquire(t.Context())
	require.ErrorContains(t, err, "pool: login: WRONGPASS")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2")
}

type telling struct{}
