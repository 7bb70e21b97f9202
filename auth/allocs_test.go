package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

func TestWarmCredentialsAllocateNothing(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	require.NoError(t, err)
	ctx := t.Context()
	s, err := auth.NewTokenSource(ctx, cred, nil)
	require.NoError(t, err)
	defer s.Close()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := s.Credentials(ctx); err != nil {
			t.Fatal(err)
		}
	}))
}
