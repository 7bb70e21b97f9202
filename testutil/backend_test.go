package testutil_test

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// backend is a gateway before a Redis server of either kind, and one principal.
type backend struct {
	*testutil.Gateway
	t     *testing.T
	entra fakeEntra
	user  *testutil.Principal
	real  bool      // a redis-server, no miniredis
	lives *sync.Map // of tokens that are to expire during the test, counted from the login on
}

func newMiniredis(t *testing.T, inMemory bool) *backend {
	t.Helper()
	var e fakeEntra
	if inMemory {
		e = newEntra(t, true)
	} else {
		e = borrowEntra(t)
	}
	r := testutil.NewRedis(t, e.Entra, &testutil.RedisOptions{Plaintext: true, InMemory: inMemory})
	return &backend{r.Gateway, t, e, e.NewPrincipal(), false, nil}
}

func newRealRedis(t *testing.T) *backend {
	t.Helper()
	e, lives := borrowEntra(t), &sync.Map{}
	s := newRedisServer(t, e)
	return &backend{s.startGateway(t, e, lives), t, e, e.NewPrincipal(), true, lives}
}

// onBothBackends runs test with miniredis and with redis-server, over sockets.
func onBothBackends(t *testing.T, test func(t *testing.T, b *backend)) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, newMiniredis(t, false))
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		test(t, newRealRedis(t))
	})
}

// asTimePasses runs test with redis-server, and in virtual time with miniredis.
func asTimePasses(t *testing.T, test func(t *testing.T, b *backend)) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, newMiniredis(t, true)) })
	})
	t.Run("redis-server", func(t *testing.T) {
		test(t, newRealRedis(t))
	})
}

// connect opens a connection that is not logged in.
func (b *backend) connect() *client {
	b.t.Helper()
	return connect(b.t, b.Dial)
}

// token returns a new token of the backend's principal that lives so long.
func (b *backend) token(life time.Duration) string {
	b.t.Helper()
	short := b.real && life < time.Minute
	if short {
		b.entra.SetLifetime(time.Hour)
	} else {
		b.entra.SetLifetime(life)
	}
	token := newToken(b.t, b.entra, b.user)
	if short {
		b.lives.Store(token, life)
	}
	return token
}

// login opens a connection and logs it in, in RESP2, with a token that lives so long.
func (b *backend) login(life time.Duration) *client {
	b.t.Helper()
	c := b.connect()
	c.login(b.user.ObjectID, b.token(life))
	return c
}

// logins is login for n connections. All have their tokens before the first logs in, so
// that the first one's life is long enough for what the test does next.
func (b *backend) logins(n int, life time.Duration) []*client {
	b.t.Helper()
	all, tokens := make([]*client, n), make([]string, n)
	for i := range n {
		all[i], tokens[i] = b.connect(), b.token(life)
	}
	for i, c := range all {
		c.login(b.user.ObjectID, tokens[i])
	}
	return all
}

// hello is login in RESP3.
func (b *backend) hello(life time.Duration) *client {
	b.t.Helper()
	c := b.connect()
	c.hello(b.user.ObjectID, b.token(life))
	return c
}

// auth is an AUTH with a new token that lives an hour.
func (b *backend) auth() string {
	b.t.Helper()
	return b.authFor(time.Hour)
}

// authFor is an AUTH with a new token that lives so long.
func (b *backend) authFor(life time.Duration) string {
	b.t.Helper()
	return command("AUTH", b.user.ObjectID, b.token(life))
}

// requireAuths requires how many logins the server has accepted.
func (b *backend) requireAuths(n int) {
	b.t.Helper()
	require.Equal(b.t, n, b.Stats().Auths)
}

// rueidis returns a rueidis client that logs in with a new token at each dial, and again
// when half of its life is over.
func (b *backend) rueidis() rueidis.Client {
	b.t.Helper()
	cred, err := b.entra.ClientSecret(b.user)
	require.NoError(b.t, err)
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{b.Addr()}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1,
		DialCtxFn: func(ctx context.Context, _ string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return b.Dial(ctx)
		},
		AuthCredentialsFn: func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
			token, err := ask(context.Background(), cred)
			return rueidis.AuthCredentials{
				Username: b.user.ObjectID, Password: token.Token, RefreshAfter: time.Now().Add(time.Until(token.ExpiresOn) / 2),
			}, err
		},
	})
	require.NoError(b.t, err)
	b.t.Cleanup(c.Close)
	return c
}
