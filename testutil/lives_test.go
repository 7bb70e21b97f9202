package testutil_test

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// redisServer is a redis-server for gateways that decide on logins in ways of their own.
type redisServer struct {
	dial func(context.Context) (net.Conn, error)

	mu    sync.Mutex        // guards what follows
	users map[string]string // passwords, by name
	admin *client
}

func newRedisServer(t *testing.T, e fakeEntra) *redisServer {
	t.Helper()
	server := testutil.NewRedisServer(t, e.Entra, &testutil.RedisServerOptions{Plaintext: true})
	server.Gateway.Close()
	admin := server.AdminOption()
	s := &redisServer{users: map[string]string{}}
	s.dial = func(ctx context.Context) (net.Conn, error) { return admin.DialCtxFn(ctx, "", nil, nil) }
	s.admin = connect(t, s.dial)
	require.Equal(t, ok, s.admin.do("AUTH", admin.Password))
	return s
}

// user returns the password of the user of that name, which it makes the first time.
func (s *redisServer) user(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[name] == "" {
		s.users[name] = rand.Text()
		s.admin.do("ACL", "SETUSER", name, "on", ">"+s.users[name], "~*", "&*", "+@all")
	}
	return s.users[name]
}

// startGateway puts a gateway before s that takes the tokens of e. A token in lives counts
// for that time from its login on; any other one until it expires.
func (s *redisServer) startGateway(t *testing.T, e fakeEntra, lives *sync.Map) *testutil.Gateway {
	t.Helper()
	g, err := testutil.StartGateway(testutil.GatewayOptions{
		Dial: s.dial,
		Login: func(username, token string) (testutil.Login, error) {
			oid, expires, err := e.Verify(token)
			if err != nil || oid != username {
				return testutil.Login{}, os.ErrPermission
			}
			if life, ok := lives.Load(token); ok {
				expires = time.Now().Add(life.(time.Duration))
			}
			return testutil.Login{Username: oid, Password: s.user(oid), ExpiresAt: expires}, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g
}
