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

func TestAConnectionOutlivesThirtyProlongationsOfItsPassword(t *testing.T) {
	for name, source := range prolonged {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen logins
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
				conn := reauth.NewConn(raw, reauth.Config{Source: source(t)})
				defer conn.Close()
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				c, err := conn.Credentials(t.Context())
				require.NoError(t, err)
				_, err = conn.Write(wire.AppendCommand(nil, "AUTH", c.Username, c.Password))
				require.NoError(t, err)
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

func TestAPoolOutlivesThirtyProlongationsOfItsPassword(t *testing.T) {
	for name, source := range prolonged {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen logins
				p, err := pool.New(pool.Config[noting]{
					Dial:   func(context.Context) (noting, error) { return noting{&seen}, nil },
					Source: source(t), MaxSize: 1,
				})
				require.NoError(t, err)
				defer p.Close()
				require.NoError(t, p.Do(t.Context(), func(noting) error { return nil }))
				time.Sleep(30 * time.Hour)
				seen.requireHourly(t, 30)
			})
		})
	}
}
