package benchmarks_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

// BenchmarkCredentials compares what a service does before each operation to have a token that is valid, all on a token that
// lives an hour: the least that anybody could do, an atomic load, time.Now and a compare, as floor; nothing at all, that is a
// load; a TokenSource; the documented loop's check, which is a mutex and a look at the time; and the GetToken of azidentity,
// which answers from its cache.
func BenchmarkCredentials(b *testing.B) {
	ctx := context.Background()
	entra := testutil.NewEntra(b, nil)
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	require.NoError(b, err)
	source, err := auth.NewTokenSource(ctx, cred, nil)
	require.NoError(b, err)
	defer source.Close()
	creds, err := source.Credentials(ctx)
	require.NoError(b, err)

	var held atomic.Pointer[auth.Credentials]
	held.Store(&creds)
	loop := checkedToken{token: creds}
	scope := policy.TokenRequestOptions{Scopes: []string{auth.DefaultScope}}
	must := func(ok bool) {
		if !ok {
			b.Error("no valid token")
		}
	}
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			each := func(name string, f func()) variant {
				return variant{name, func(n int) { share(n, goroutines, f) }}
			}
			compare(b, 64*100,
				each("floor", func() { must(time.Now().Before(held.Load().ExpiresAt)) }),
				each("nothing", func() { must(held.Load() != nil) }),
				each("TokenSource", func() {
					_, err := source.Credentials(ctx)
					must(err == nil)
				}),
				each("loop", func() { must(loop.credentials().Password != "") }),
				each("azidentity", func() {
					_, err := cred.GetToken(ctx, scope)
					must(err == nil)
				}),
			)
		})
	}
}

// share lets so many goroutines call f n times together.
func share(n, goroutines int, f func()) {
	if goroutines == 1 {
		for range n {
			f()
		}
		return
	}
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range n / goroutines {
				f()
			}
		})
	}
	all.Wait()
}

// checkedToken is the token of a loop that checks before each operation whether it must ask for another one.
type checkedToken struct {
	mu    sync.Mutex
	token auth.Credentials
}

func (t *checkedToken) credentials() auth.Credentials {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Until(t.token.ExpiresAt) < 5*time.Minute {
		panic("it would ask for another one, which is not what is measured")
	}
	return t.token
}
