package auth_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

// credentialFunc is a credential of a user's own.
type credentialFunc func(context.Context) (azcore.AccessToken, error)

func (f credentialFunc) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx)
}

// bubble runs f in virtual time, with a fake Entra ID whose tokens live as given and
// a real azidentity credential for it.
func bubble(t *testing.T, lifetime time.Duration, f func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		entra := testutil.NewEntra(t, &testutil.EntraOptions{InMemory: true})
		entra.SetLifetime(lifetime)
		cred, err := entra.ClientSecret(entra.NewPrincipal())
		require.NoError(t, err)
		f(t, entra, cred)
	})
}

var request = policy.TokenRequestOptions{Scopes: []string{auth.DefaultScope}}

func newSource(t *testing.T, cred azcore.TokenCredential, opts *auth.Options) *auth.TokenSource {
	t.Helper()
	s, err := auth.NewTokenSource(t.Context(), cred, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// remaining is how long the token that s serves now still lives.
func remaining(t *testing.T, s *auth.TokenSource) time.Duration {
	t.Helper()
	c, err := s.Credentials(t.Context())
	require.NoError(t, err)
	return time.Until(c.ExpiresAt)
}

func TestADayOfOneHourTokens(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		asked := 0
		s := newSource(t, credentialFunc(func(ctx context.Context) (azcore.AccessToken, error) {
			asked++
			return cred.GetToken(ctx, request)
		}), nil)
		least := time.Hour
		for range 24 * 3600 {
			least = min(least, remaining(t, s))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		require.GreaterOrEqual(t, asked, 24)
		require.LessOrEqual(t, asked, 60)
		require.GreaterOrEqual(t, least, 3*time.Minute+30*time.Second)
		require.Equal(t, asked, entra.Requests().Token, "each question reached Entra ID: none was in vain")
		t.Logf("GetToken calls: %d, least remaining: %v", asked, least)
	})
}

func TestTokensOfAnyLifeNeitherLoopNorGap(t *testing.T) {
	for _, life := range []time.Duration{24 * time.Hour, 10 * time.Minute, 299 * time.Second, time.Minute, 5 * time.Second, time.Second} {
		t.Run(life.String(), func(t *testing.T) {
			bubble(t, life, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
				const lives = 20
				s := newSource(t, cred, nil)
				least := life
				for range lives * 100 {
					least = min(least, remaining(t, s))
					time.Sleep(life / 100)
				}
				require.LessOrEqual(t, entra.Requests().Token, lives*5/2)
				require.GreaterOrEqual(t, entra.Requests().Token, lives)
				require.Positive(t, least)
				t.Logf("requests: %d in %d lives, least remaining: %v", entra.Requests().Token, lives, least)
			})
		})
	}
}

func TestRefreshInIsFollowedOnceForEachToken(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		entra.SetRefreshIn(30 * time.Minute)
		s := newSource(t, cred, nil)
		for range 24 * 60 {
			require.Greater(t, remaining(t, s), 28*time.Minute)
			time.Sleep(time.Minute)
		}
		require.InDelta(t, 48, entra.Requests().Token, 3)
	})
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		entra.SetRefreshIn(30 * time.Minute)
		entra.SetSameToken(true) // Entra ID suggests to ask, but has no better one
		newSource(t, cred, nil)
		time.Sleep(54 * time.Minute)
		synctest.Wait()
		require.Equal(t, 2, entra.Requests().Token)
	})
}

func TestTheSameTokenAgainIsNotNews(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		news := 0
		s := newSource(t, cred, &auth.Options{OnRefresh: func(e auth.RefreshEvent) {
			if e.New {
				news++
			}
		}})
		first, err := s.Credentials(t.Context())
		require.NoError(t, err)
		entra.SetSameToken(true)
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		again, err := s.Credentials(t.Context())
		require.NoError(t, err)
		require.True(t, first == again, "not even the time that it was issued changes")
		require.Equal(t, 1, news)
		require.InDelta(t, 10, entra.Requests().Token, 5, "each eighth of what remains")

		entra.SetSameToken(false)
		time.Sleep(time.Minute)
		require.Greater(t, remaining(t, s), 50*time.Minute)
	})
}

func TestAnOutageIsNotNoticedWhileTheTokenLives(t *testing.T) {
	outages := map[string]testutil.Failure{
		"503":               {Status: 503},
		"429":               {Status: 429, Code: "too_many_requests", RetryAfter: 20 * time.Second},
		"no network":        {Drop: true},
		"invalid_client":    {Status: 401, Code: "invalid_client"},
		"an unknown answer": {Status: 418, Code: "teapot"},
	}
	for name, failure := range outages {
		t.Run(name, func(t *testing.T) {
			bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
				s := newSource(t, cred, nil)
				c, err := s.Credentials(t.Context())
				require.NoError(t, err)

				time.Sleep(time.Until(c.ExpiresAt) - 5*time.Minute)
				entra.Fail(failure)
				begun := entra.Requests().Token
				for time.Now().Before(c.ExpiresAt) {
					held, err := s.Credentials(t.Context())
					require.NoError(t, err, "with %v left", time.Until(c.ExpiresAt))
					require.True(t, c == held)
					time.Sleep(time.Second)
				}
				_, err = s.Credentials(t.Context())
				var failed *auth.TokenError
				require.ErrorAs(t, err, &failed)
				require.True(t, c.ExpiresAt.Equal(failed.Since))

				time.Sleep(5 * time.Minute)
				asked := entra.Requests().Token - begun
				require.GreaterOrEqual(t, asked, 3)
				require.LessOrEqual(t, asked, 60)
				entra.Recover()
				time.Sleep(5 * time.Minute) // nobody calls
				synctest.Wait()
				require.True(t, s.Stats().ExpiresAt.After(c.ExpiresAt), "recovered by itself")
				remaining(t, s)
				t.Logf("requests in 10 minutes: %d", asked)
			})
		})
	}
}

func TestAnOutageOfFourMinutesInTheWindowIsBridged(t *testing.T) {
	for range 10 { // the schedule is random
		bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
			s := newSource(t, cred, nil)
			time.Sleep(55 * time.Minute)
			entra.Fail(testutil.Failure{})
			time.Sleep(4 * time.Minute)
			entra.Recover()
			time.Sleep(50 * time.Second)
			require.Greater(t, remaining(t, s), 50*time.Minute)
		})
	}
}

func TestACallerWakesAnExpiredSource(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		entra.Fail(testutil.Failure{Status: 401, Code: "invalid_client"})
		time.Sleep(2 * time.Hour)
		_, err := s.Credentials(t.Context())
		require.ErrorContains(t, err, "invalid_client")
		entra.Recover()
		time.Sleep(11 * time.Second) // the next try by itself is minutes away
		remaining(t, s)
	})
}

func TestManyCallersOfAnExpiredSourceShareFewQuestions(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		entra.Fail(testutil.Failure{})
		time.Sleep(2 * time.Minute)
		before := entra.Requests().Token
		for range 100 {
			for range 100 {
				go func() { _, _ = s.Credentials(t.Context()) }()
			}
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		require.LessOrEqual(t, entra.Requests().Token-before, 12, "in ten seconds")
	})
}

func TestAHangingCredentialHoldsUpNobody(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		stuck := make(chan struct{}) // ignores ctx, as MSAL's lock does
		defer close(stuck)
		made := time.Now()
		var calls atomic.Int32
		s := newSource(t, credentialFunc(func(ctx context.Context) (azcore.AccessToken, error) {
			if calls.Add(1) > 1 {
				<-stuck
			}
			return cred.GetToken(ctx, request)
		}), &auth.Options{AttemptTimeout: 2 * time.Second})
		for range 59 {
			begun := time.Now()
			remaining(t, s)
			require.Zero(t, time.Since(begun), "a reader waited")
			time.Sleep(time.Minute)
		}
		require.ErrorIs(t, s.Stats().LastError, context.DeadlineExceeded)

		for range 3600 { // the token is over, and each caller wishes for another one
			_, _ = s.Credentials(t.Context())
			time.Sleep(time.Second)
		}
		// Four in five minutes, once the first ones, which are written off sooner, are through.
		require.LessOrEqual(t, time.Duration(calls.Load()), 4*(time.Since(made)/(5*time.Minute)), "calls that are left behind are few")

		begun := time.Now()
		require.NoError(t, s.Close())
		require.Zero(t, time.Since(begun), "Close waited")
		_, err := s.Credentials(t.Context())
		require.ErrorIs(t, err, auth.ErrClosed)
	})
}

func TestAHangingEntraIsGivenUpAfterTheAttemptTimeout(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		var took []time.Duration
		s := newSource(t, cred, &auth.Options{AttemptTimeout: 6 * time.Second, OnRefresh: func(e auth.RefreshEvent) { took = append(took, e.Took) }})
		entra.Hang()
		time.Sleep(57 * time.Minute)
		synctest.Wait()
		require.Greater(t, len(took), 3)
		for _, d := range took[1:] {
			require.Equal(t, 3*time.Second, d, "one request, with half of the time; azidentity's own tries do not add up")
		}
		entra.Recover()
		time.Sleep(time.Minute)
		require.Greater(t, remaining(t, s), 50*time.Minute)
	})
}

func TestRefreshIsSharedAndRateLimited(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		first, err := s.Credentials(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Refresh(t.Context()), "the one a moment ago counts")
		require.Equal(t, 1, entra.Requests().Token)

		time.Sleep(2 * time.Second)
		entra.SetDelay(100 * time.Millisecond)
		for range 100 {
			go func() { _ = s.Refresh(t.Context()) }()
		}
		require.NoError(t, s.Refresh(t.Context()))
		require.Equal(t, 2, entra.Requests().Token)
		second, err := s.Credentials(t.Context())
		require.NoError(t, err)
		require.True(t, first.Password != second.Password)

		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, s.Refresh(ctx), context.DeadlineExceeded)
		time.Sleep(time.Second)
		entra.Fail(testutil.Failure{Count: 1})
		time.Sleep(time.Second)
		var failed *auth.TokenError
		require.ErrorAs(t, s.Refresh(t.Context()), &failed)
		require.Equal(t, 503, failed.Status)
		remaining(t, s)
	})
}

func TestAFailedRefreshDoesNotBringTheNextOneForward(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		asked := 0
		s := newSource(t, cred, &auth.Options{OnRefresh: func(auth.RefreshEvent) { asked++ }})
		next := s.Stats().NextRefresh
		time.Sleep(time.Minute)
		require.NoError(t, s.Refresh(t.Context()), "azidentity's cache answers")
		require.Equal(t, next, s.Stats().NextRefresh)
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		require.Equal(t, 2, asked)
		require.Equal(t, 1, entra.Requests().Token)
	})
}

func TestARefreshMarginBeyondTheLifeIsHalfOfIt(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, &auth.Options{RefreshMargin: 100 * time.Hour})
		next := s.Stats().NextRefresh
		require.GreaterOrEqual(t, time.Until(next), 30*time.Minute)
		require.LessOrEqual(t, time.Until(next), 36*time.Minute)
		asked := s.Stats().Refreshes
		time.Sleep(24 * time.Hour)
		require.LessOrEqual(t, s.Stats().Refreshes-asked, uint64(24*20), "azidentity's cache makes early questions vain, but they make no loop")
		remaining(t, s)
	})
}

func TestCloseIsIdempotentAndForgetsTheToken(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		entra.Hang()
		time.Sleep(2 * time.Second)
		waited := make(chan error)
		go func() { waited <- s.Refresh(t.Context()) }()
		synctest.Wait()
		for range 3 {
			require.NoError(t, s.Close())
		}
		require.ErrorIs(t, <-waited, auth.ErrClosed)
		require.ErrorIs(t, s.Refresh(t.Context()), auth.ErrClosed)
		_, err := s.Credentials(t.Context())
		require.ErrorIs(t, err, auth.ErrClosed)
	})
}

func TestOnRefreshTellsOfGoodAndBad(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		var events []auth.RefreshEvent
		var made atomic.Pointer[auth.TokenSource]
		made.Store(newSource(t, cred, &auth.Options{OnRefresh: func(e auth.RefreshEvent) {
			events = append(events, e)
			if s := made.Load(); s != nil {
				_ = s.Stats() // no lock is held
			}
		}}))
		entra.Fail(testutil.Failure{Count: 1})
		time.Sleep(time.Minute)
		synctest.Wait()
		require.GreaterOrEqual(t, len(events), 3)
		require.True(t, events[0].New)
		require.False(t, events[1].New)
		require.Error(t, events[1].Err)
		require.Equal(t, events[0].ExpiresAt, events[1].ExpiresAt)
		require.True(t, events[2].New)
		require.NoError(t, events[2].Err)
		require.True(t, events[2].Next.After(time.Now().Add(-time.Minute)))
	})
}
