package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

func TestConstructionWaitsOutErrorsThatPass(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		entra.Fail(testutil.Failure{Count: 3})
		s := newSource(t, cred, nil)
		require.Equal(t, uint64(3), s.Stats().Failures)
		remaining(t, s)
	})
}

func TestConstructionEndsWithItsContextAndSaysWhy(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		entra.Fail(testutil.Failure{Status: 500, Code: "server_error"})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("no more time"))
		defer cancel()
		_, err := auth.NewTokenSource(ctx, cred, nil)
		var failed *auth.TokenError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, 500, failed.Status)
		require.ErrorIs(t, err, context.Cause(ctx))
		require.InDelta(t, 7, entra.Requests().Token, 4)
	})
}

func TestConstructionFailsAtOnceWhereSomebodyHasToMendSomething(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		entra.Fail(testutil.Failure{Status: 401, Code: "invalid_client"})
		begun := time.Now()
		_, err := auth.NewTokenSource(t.Context(), cred, nil)
		var failed *auth.TokenError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, auth.Rejected, failed.Kind)
		require.Equal(t, "invalid_client", failed.Code)
		require.Contains(t, failed.Hint, "client secret")
		require.Zero(t, time.Since(begun))
		require.Equal(t, 1, entra.Requests().Token)
	})
}

func TestConstructionRefusesWhatCannotWork(t *testing.T) {
	ok := credentialFunc(func(context.Context) (azcore.AccessToken, error) { return azcore.AccessToken{}, nil })
	for _, c := range []struct {
		cred  azcore.TokenCredential
		opts  *auth.Options
		field string
	}{
		{nil, nil, "cred"},
		{(*azidentity.ClientSecretCredential)(nil), nil, "cred"},
		{ok, &auth.Options{RefreshMargin: -1}, "RefreshMargin"},
		{ok, &auth.Options{AttemptTimeout: -1}, "AttemptTimeout"},
		{ok, &auth.Options{Scopes: []string{" "}}, "Scopes"},
		{ok, &auth.Options{Username: "oid\n"}, "Username"},
	} {
		_, err := auth.NewTokenSource(t.Context(), c.cred, c.opts)
		var config *auth.ConfigError
		require.ErrorAs(t, err, &config)
		require.Contains(t, config.Field, c.field)
		require.NotEmpty(t, config.Problem)
	}
}

func TestConstructionKeepsTheReasonWhenItsContextEndsInAnAttempt(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		entra.Fail(testutil.Failure{Status: 429, RetryAfter: time.Second, Count: 3})
		time.AfterFunc(4*time.Second, entra.Hang)
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		entra.SetDelay(500 * time.Millisecond)
		_, err := auth.NewTokenSource(ctx, credentialFunc(func(ctx context.Context) (azcore.AccessToken, error) {
			if entra.Requests().Failed == 3 {
				<-ctx.Done()
			}
			return cred.GetToken(ctx, request)
		}), nil)
		var failed *auth.TokenError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, 429, failed.Status, "and not that time was up")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestAnyCauseOfAnEndedContextIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(auth.ErrClosed)
	s, err := auth.NewTokenSource(ctx, credentialFunc(func(ctx context.Context) (azcore.AccessToken, error) {
		<-ctx.Done()
		return azcore.AccessToken{}, ctx.Err()
	}), nil)
	require.Nil(t, s)
	require.ErrorIs(t, err, auth.ErrClosed)
}
