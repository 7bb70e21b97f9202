package benchmarks_test

import (
	"context"
	"errors"
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
	must := func(ok bool) error {
		if !ok {
			return errors.New("no valid token")
		}
		return nil
	}
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			const n = 64 * 10_000 // of some nanoseconds each: few would be over before all goroutines run
			compare(b, goroutines,
				variant{"floor", n, func() error { return must(time.Now().Before(held.Load().ExpiresAt)) }},
				variant{"nothing", n, func() error { return must(held.Load() != nil) }},
				variant{"TokenSource", n, func() error {
					_, err := source.Credentials(ctx)
					return err
				}},
				variant{"loop", n, func() error { return must(loop.credentials().Password != "") }},
				variant{"azidentity", n / 100, func() error {
					_, err := cred.GetToken(ctx, scope)
					return err
				}},
			)
		})
	}
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
