package benchmarks_test

import (
	"context"
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/testutil"
)

// redigoConn is all that redigo's connections need for our pool.
type redigoConn struct{ redis.Conn }

func (c redigoConn) Auth(_ context.Context, username, password string) error {
	_, err := c.Do("AUTH", username, password)
	return err
}

func TestRedigosConnectionsFitThePool(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	server := testutil.NewRedisServer(t, entra, nil)
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	require.NoError(t, err)
	source, err := auth.NewTokenSource(t.Context(), cred, nil)
	require.NoError(t, err)
	defer source.Close()
	p, err := pool.New(pool.Config[redigoConn]{
		Dial: func(context.Context) (redigoConn, error) {
			c, err := redis.Dial("tcp", server.Addr(), redis.DialUseTLS(true), redis.DialTLSConfig(server.TLSConfig()))
			return redigoConn{c}, err
		},
		Source: source,
	})
	require.NoError(t, err)
	defer p.Close()
	set := func(ctx context.Context) error {
		return p.Do(ctx, func(c redigoConn) error {
			_, err := c.Do("SET", "key", "value")
			return err
		})
	}
	require.NoError(t, set(t.Context()))
	server.CloseConnections()
	attempts := 1
	policy := retry.Policy{OnRetry: func(a retry.Attempt) {
		require.Equal(t, retry.ConnectionLost, a.Class)
		attempts++
	}}
	require.NoError(t, retry.Do(t.Context(), policy, set))
	require.Equal(t, 2, attempts)
	missing := p.Do(t.Context(), func(c redigoConn) error {
		_, err := redis.String(c.Do("GET", "nothing"))
		return err
	})
	require.ErrorIs(t, missing, redis.ErrNil)
	require.Equal(t, int64(2), p.Stat().New, "a missing key is no reason to dial")

	_, err = redis.Dial("tcp", server.Addr(), redis.DialUseTLS(true), redis.DialTLSConfig(server.TLSConfig()), redis.DialUsername("u"), redis.DialPassword("p"))
	require.Equal(t, retry.AuthFailed, retry.Classify(err))
}
