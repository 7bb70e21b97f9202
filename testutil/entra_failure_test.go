package testutil_test

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// credentials returns one credential for each way to get tokens of p, with caches
// that hold nothing, as tokens live four minutes.
func credentials(t *testing.T, e fakeEntra, p *testutil.Principal) []azcore.TokenCredential {
	t.Helper()
	e.SetLifetime(4 * time.Minute)
	secret, err := e.ClientSecret(p)
	require.NoError(t, err)
	imds, err := e.ManagedIdentity(p, azidentity.ClientID(p.ClientID))
	require.NoError(t, err)
	return []azcore.TokenCredential{secret, imds}
}

func TestFailLastsUntilRecover(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	all := credentials(t, e, e.NewPrincipal())
	e.Fail(testutil.Failure{})
	for _, cred := range all {
		for range 3 {
			answer := requireRefusal(t, cred, http.StatusServiceUnavailable, "temporarily_unavailable")
			require.Empty(t, answer.Header.Get("Retry-After"))
		}
	}
	require.Equal(t, testutil.Requests{Discovery: 1, Token: 3, IMDS: 3, Failed: 6}, e.Requests())
	e.Recover()
	for _, cred := range all {
		_, err := ask(t.Context(), cred)
		require.NoError(t, err)
	}
	require.Equal(t, testutil.Requests{Discovery: 1, Token: 4, IMDS: 4, Failed: 6}, e.Requests())
}

func TestFailAnswersWhatItIsTold(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	all := credentials(t, e, e.NewPrincipal())
	e.Fail(testutil.Failure{Status: http.StatusTooManyRequests, Code: "invalid_client", RetryAfter: 90 * time.Second})
	for _, cred := range all {
		answer := requireRefusal(t, cred, http.StatusTooManyRequests, "invalid_client")
		require.Equal(t, "90", answer.Header.Get("Retry-After"))
	}
}

func TestFailEndsByItselfAfterItsCount(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	for _, cred := range credentials(t, e, e.NewPrincipal()) {
		e.Fail(testutil.Failure{Count: 2})
		for range 2 {
			requireRefusal(t, cred, http.StatusServiceUnavailable, "temporarily_unavailable")
		}
		_, err := ask(t.Context(), cred)
		require.NoError(t, err)
	}
}

func TestFailDropsTheConnection(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	for _, cred := range credentials(t, e, e.NewPrincipal()) {
		e.Client().CloseIdleConnections() // as net/http asks once more when a used one is dropped
		e.Fail(testutil.Failure{Drop: true})
		_, err := ask(t.Context(), cred)
		var failed *azidentity.AuthenticationFailedError
		require.ErrorAs(t, err, &failed)
		require.Nil(t, failed.RawResponse)
		e.Recover()
		_, err = ask(t.Context(), cred)
		require.NoError(t, err)
	}
	require.Equal(t, testutil.Requests{Discovery: 1, Token: 2, IMDS: 2, Failed: 2}, e.Requests())
}

func TestSetDelayMakesRequestsTakeThatLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		for _, cred := range credentials(t, e, e.NewPrincipal()) {
			e.SetDelay(3 * time.Second)
			start := time.Now()
			_, err := ask(t.Context(), cred)
			require.NoError(t, err)
			require.Equal(t, 3*time.Second, time.Since(start))
			e.SetDelay(0)
			start = time.Now()
			_, err = ask(t.Context(), cred)
			require.NoError(t, err)
			require.Zero(t, time.Since(start))
		}
	})
}

func TestHangLastsUntilTheClientGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		for _, cred := range credentials(t, e, e.NewPrincipal()) {
			e.Hang()
			e.Hang() // as good as once
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			_, err := ask(ctx, cred)
			cancel()
			require.Error(t, err)
			require.Equal(t, 20*time.Second, time.Since(start))
			synctest.Wait()
			require.Empty(t, e.Issued(), "nobody waits for a token")
			e.Recover()
			e.Recover()
		}
		require.Equal(t, testutil.Requests{Discovery: 1, Token: 1, IMDS: 1, Failed: 2}, e.Requests())
	})
}

func TestHangLastsUntilRecover(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		for _, cred := range credentials(t, e, e.NewPrincipal()) {
			e.Hang()
			time.AfterFunc(20*time.Second, e.Recover)
			start := time.Now()
			_, err := ask(t.Context(), cred)
			require.NoError(t, err)
			require.Equal(t, 20*time.Second, time.Since(start))
		}
		require.Zero(t, e.Requests().Failed)
	})
}

func TestBrokenJSONStopsBehindTheToken(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	for _, cred := range credentials(t, e, e.NewPrincipal()) {
		e.SetBrokenJSON(true)
		token, err := ask(t.Context(), cred)
		require.True(t, err != nil, "and testify must not print it, as it holds the token")
		require.True(t, token.Token == "")
		e.SetBrokenJSON(false)
		_, err = ask(t.Context(), cred)
		require.NoError(t, err)
	}
	require.Len(t, e.Issued(), 4)
	require.Equal(t, 2, e.Requests().Failed)
}

func TestTheSameTokenIsRepeatedUntilItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		p, other := e.NewPrincipal(), e.NewPrincipal()
		all := credentials(t, e, p)
		e.SetSameToken(true)
		first, err := ask(t.Context(), all[0])
		require.NoError(t, err)
		for range 3 {
			time.Sleep(time.Minute)
			for _, cred := range all {
				again, err := ask(t.Context(), cred)
				require.NoError(t, err)
				require.True(t, first.Token == again.Token)
				require.Equal(t, first.ExpiresOn, again.ExpiresOn)
			}
		}
		require.Len(t, e.Issued(), 1)
		require.False(t, first.Token == newToken(t, e, other))
		time.Sleep(time.Minute)
		next, err := ask(t.Context(), all[0])
		require.NoError(t, err)
		require.False(t, first.Token == next.Token)
		e.SetSameToken(false)
		last, err := ask(t.Context(), all[0])
		require.NoError(t, err)
		require.False(t, last.Token == next.Token)
	})
}

func TestCloseEndsRequestsThatHangAndMayBeCalledAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which does not end before the last goroutine
		e := newEntra(t, true)
		all := credentials(t, e, e.NewPrincipal())
		e.Hang()
		failed := make(chan error)
		for _, cred := range all {
			go func() {
				_, err := ask(context.Background(), cred)
				failed <- err
			}()
		}
		synctest.Wait()
		start := time.Now()
		e.Close()
		e.Close()
		require.Zero(t, time.Since(start))
		for range all {
			require.Error(t, <-failed)
		}
		_, err := ask(t.Context(), all[0])
		require.Error(t, err)
		e.Recover()
	})
}

func TestCloseJoinsTheServersGoroutines(t *testing.T) {
	e := newEntra(t, false)
	e.Hang()
	const many = 50
	failed := make(chan error)
	for range many {
		go func() {
			answer, err := e.Client().PostForm(e.URL+"/"+e.TenantID+"/oauth2/v2.0/token", nil)
			if err == nil {
				err = answer.Body.Close()
			}
			failed <- err
		}()
	}
	require.Eventually(t, func() bool { return e.Requests().Token == many }, 10*time.Second, time.Millisecond)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the others run only while Close waits for them
	e.Close()
	requireNoGoroutineIn(t, "testutil.(*Entra).")
	for range many {
		require.Error(t, <-failed)
	}
}

func TestCloseFollowsRightUponStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		newEntra(t, true).Close()
	})
}

// requireNoGoroutineIn requires that no goroutine is in a function of that name.
func requireNoGoroutineIn(t *testing.T, function string) {
	t.Helper()
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	require.False(t, bytes.Contains(stacks, []byte(function)), "a goroutine is still in %s", function)
}
