package auth_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/internal/wire"
	"github.com/redisentra/redisentra/pool"
)

// A password that stays the same, and lives for another hour whenever the source is asked.

// prolonged are sources of it, by what they say of its age.
var prolonged = map[string]func(t *testing.T) auth.Source{
	"a token source": func(t *testing.T) auth.Source {
		return newSource(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: "same", ExpiresOn: time.Now().Add(time.Hour)}, nil
		}), asMe)
	},
	"of unknown age": func(*testing.T) auth.Source { return prolonging(func() time.Time { return time.Time{} }) },
	"issued once": func(*testing.T) auth.Source {
		begun := time.Now()
		return prolonging(func() time.Time { return begun })
	},
	"issued anew": func(*testing.T) auth.Source { return prolonging(time.Now) },
}

func prolonging(issued func() time.Time) auth.Source {
	return auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		return auth.Credentials{Username: "me", Password: "same", IssuedAt: issued(), ExpiresAt: time.Now().Add(time.Hour)}, nil
	})
}

// logins are those that a server has seen. It hears of another hour by them alone.
type logins struct {
	mu sync.Mutex
	at []time.Time
}

func (l *logins) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = append(l.at, time.Now())
}

func (l *logins) requireHourly(t *testing.T, hours int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	require.InDelta(t, hours, len(l.at), float64(hours)/5)
	for i, at := range append(l.at[1:], time.Now()) {
		require.Less(t, at.Sub(l.at[i]), time.Hour, "without a login, after %d of them", i+1)
	}
}

// connect logs a connection of package reauth in to a server whose logins are returned.
func connect(t *testing.T, source auth.Source) *logins {
	t.Helper()
	seen := new(logins)
	mini := miniredis.NewMiniRedis()
	mini.RequireUserAuth("me", "same")
	raw, err := mini.Dial() // without a socket
	require.NoError(t, err)
	t.Cleanup(mini.Close)
	mini.Server().SetPreHook(func(_ *server.Peer, cmd string, _ ...string) bool {
		if cmd == "AUTH" {
			seen.note()
		}
		return false
	})
	conn := reauth.NewConn(raw, reauth.Config{Source: source})
	t.Cleanup(func() { _ = conn.Close() })
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	c, err := conn.Credentials(t.Context())
	require.NoError(t, err)
	_, err = conn.Write(wire.AppendCommand(nil, "AUTH", c.Username, c.Password))
	require.NoError(t, err)
	return seen
}

func TestAConnectionOutlivesThirtyProlongationsOfItsPassword(t *testing.T) {
	for name, source := range prolonged {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := connect(t, source(t))
				time.Sleep(30 * time.Hour)
				seen.requireHourly(t, 30)
			})
		})
	}
}

// noting is a connection of a pool.
type noting struct{ *logins }

func (n noting) Auth(context.Context, string, string) error { n.note(); return nil }
func (n noting) Close() error                               { return nil }

// fill logs a connection of a pool in, as connect does.
func fill(t *testing.T, source auth.Source) *logins {
	t.Helper()
	seen := new(logins)
	p, err := pool.New(pool.Config[noting]{
		Dial:   func(context.Context) (noting, error) { return noting{seen}, nil },
		Source: source, MaxSize: 1,
	})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	require.NoError(t, p.Do(t.Context(), func(noting) error { return nil }))
	return seen
}

func TestAPoolOutlivesThirtyProlongationsOfItsPassword(t *testing.T) {
	for name, source := range prolonged {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := fill(t, source(t))
				time.Sleep(30 * time.Hour)
				seen.requireHourly(t, 30)
			})
		})
	}
}

func TestTheServerHearsOnceThatAPasswordNeverExpiresAnyMore(t *testing.T) {
	for name, logIn := range map[string]func(*testing.T, auth.Source) *logins{"a connection": connect, "a pool": fill} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				seen := logIn(t, auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
					c := auth.Credentials{Username: "me", Password: "same"}
					if time.Since(begun) < 50*time.Minute {
						c.ExpiresAt = begun.Add(time.Hour)
					}
					return c, nil
				}))
				time.Sleep(30 * time.Hour)
				seen.mu.Lock()
				defer seen.mu.Unlock()
				require.Len(t, seen.at, 2)
				require.Less(t, seen.at[1].Sub(seen.at[0]), time.Hour)
			})
		})
	}
}
