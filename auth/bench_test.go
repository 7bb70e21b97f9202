package auth_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

func TestWarmCredentialsAllocateNothing(t *testing.T) {
	s := warm(t)
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := s.Credentials(ctx); err != nil {
			t.Fatal(err)
		}
	}))
}

func warm(tb testing.TB) *auth.TokenSource {
	entra := testutil.NewEntra(tb, nil)
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	require.NoError(tb, err)
	s, err := auth.NewTokenSource(context.Background(), cred, nil)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkCredentials sets a warm source beside the least that anybody could do,
// an atomic load, time.Now and a compare, and beside a cached GetToken of azidentity.
func BenchmarkCredentials(b *testing.B) {
	ctx := context.Background()
	b.Run("by=floor", func(b *testing.B) {
		var p atomic.Pointer[auth.Credentials]
		p.Store(&auth.Credentials{Username: "u", Password: "p", ExpiresAt: time.Now().Add(time.Hour)})
		b.ReportAllocs()
		for b.Loop() {
			if c := p.Load(); !time.Now().Before(c.ExpiresAt) {
				b.Fatal("expired")
			}
		}
	})
	b.Run("by=TokenSource", func(b *testing.B) {
		s := warm(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Credentials(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by=azidentity", func(b *testing.B) {
		entra := testutil.NewEntra(b, nil)
		cred, err := entra.ClientSecret(entra.NewPrincipal())
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{auth.DefaultScope}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
