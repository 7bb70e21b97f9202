package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/testutil"
)

// Odd credentials and odd moments: what the refresher makes of them.

// numbered is a credential of opaque tokens, the nth of which token makes.
func numbered(calls *atomic.Int64, token func(n int64) (azcore.AccessToken, error)) azcore.TokenCredential {
	return credentialFunc(func(context.Context) (azcore.AccessToken, error) { return token(calls.Add(1)) })
}

var asMe = &auth.Options{Username: "me"}

func TestATokenThatIsProlongedIsServedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		s := newSource(t, numbered(&calls, func(int64) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: "always the same", ExpiresOn: time.Now().Add(time.Hour)}, nil
		}), asMe)
		for range 24 * 60 {
			require.Positive(t, remaining(t, s))
			time.Sleep(time.Minute)
		}
		require.InDelta(t, 26, calls.Load(), 3)
	})
}

func TestATokenOfTheYear9999IsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		s := newSource(t, numbered(&calls, func(int64) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: "eternal", ExpiresOn: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}, nil
		}), asMe)
		time.Sleep(365 * 24 * time.Hour)
		c, err := s.Credentials(t.Context())
		require.NoError(t, err)
		require.Equal(t, 9999, c.ExpiresAt.Year())
		require.EqualValues(t, 1, calls.Load())
	})
}

func TestTokensThatLiveMillisecondsMakeNoLoop(t *testing.T) {
	for name, token := range map[string]func(n int64) (azcore.AccessToken, error){
		"one, and then an outage": func(n int64) (azcore.AccessToken, error) {
			if n > 1 {
				return azcore.AccessToken{}, fmt.Errorf("down")
			}
			return azcore.AccessToken{Token: "short", ExpiresOn: time.Now().Add(5 * time.Millisecond)}, nil
		},
		"another each time": func(n int64) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: fmt.Sprint("short", n), ExpiresOn: time.Now().Add(2 * time.Millisecond)}, nil
		},
		"with a RefreshOn that is past": func(n int64) (azcore.AccessToken, error) {
			now := time.Now()
			return azcore.AccessToken{Token: fmt.Sprint("short", n), ExpiresOn: now.Add(2 * time.Millisecond), RefreshOn: now.Add(-time.Hour)}, nil
		},
		"the same, longer each time": func(int64) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: "same", ExpiresOn: time.Now().Add(2 * time.Millisecond)}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				newSource(t, numbered(&calls, token), asMe)
				time.Sleep(time.Minute)
				require.LessOrEqual(t, calls.Load(), int64(601), "in a minute")
				require.GreaterOrEqual(t, calls.Load(), int64(3))
			})
		})
	}
}

func TestARefreshOnThatMovesMakesNoLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		newSource(t, numbered(&calls, func(n int64) (azcore.AccessToken, error) {
			now := time.Now()
			return azcore.AccessToken{Token: fmt.Sprint("token", n), ExpiresOn: now.Add(time.Hour), RefreshOn: now.Add(-time.Minute)}, nil
		}), asMe)
		time.Sleep(24 * time.Hour)
		require.LessOrEqual(t, calls.Load(), int64(4*24+1), "four in each token's life")
	})
}

func TestAProlongedTokenWithARefreshOnThatIsPastMakesNoLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		newSource(t, numbered(&calls, func(int64) (azcore.AccessToken, error) {
			time.Sleep(20 * time.Millisecond)
			now := time.Now()
			return azcore.AccessToken{Token: "always the same", ExpiresOn: now.Add(time.Hour), RefreshOn: now.Add(-time.Minute)}, nil
		}), asMe)
		time.Sleep(6 * time.Hour)
		require.LessOrEqual(t, calls.Load(), int64(4*6+1), "four in an hour, as with new tokens")
	})
}

func TestCallsThatNeverReturnDoNotEndTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		var calls atomic.Int64
		s := newSource(t, numbered(&calls, func(n int64) (azcore.AccessToken, error) {
			if n%2 == 0 { // every other one is lost
				<-never
			}
			return azcore.AccessToken{Token: fmt.Sprint("token", n), ExpiresOn: time.Now().Add(time.Hour)}, nil
		}), asMe)
		for range 48 * 60 {
			require.Positive(t, remaining(t, s))
			time.Sleep(time.Minute)
		}
		require.NoError(t, s.Close())
		close(never)
	})
}

func TestAHangThatEndsInTimeCostsNoToken(t *testing.T) {
	for range 10 { // the schedule is random
		synctest.Test(t, func(t *testing.T) {
			never, begun := make(chan struct{}), time.Now()
			defer close(never)
			var calls atomic.Int64
			s := newSource(t, numbered(&calls, func(n int64) (azcore.AccessToken, error) {
				if age := time.Since(begun); age > 55*time.Minute && age < 57*time.Minute {
					<-never
				}
				return azcore.AccessToken{Token: fmt.Sprint("token", n), ExpiresOn: time.Now().Add(time.Hour)}, nil
			}), asMe)
			for range 2 * 3600 {
				require.Positive(t, remaining(t, s))
				time.Sleep(time.Second)
			}
		})
	}
}

func TestOnRefreshMayCallTheSource(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		var source atomic.Pointer[auth.TokenSource]
		source.Store(newSource(t, cred, &auth.Options{OnRefresh: func(auth.RefreshEvent) {
			if s := source.Load(); s != nil {
				time.Sleep(20 * time.Second) // slow, beyond every rate limit
				_ = s.Refresh(context.Background())
				_, _ = s.Credentials(context.Background())
				_ = s.Stats()
			}
		}}))
		s := source.Load()
		entra.Fail(testutil.Failure{Status: 401, Code: "invalid_client"})
		time.Sleep(3 * time.Minute) // expired
		entra.Recover()
		time.Sleep(5 * time.Minute)
		require.Positive(t, s.Stats().Refreshes-1)
		begun := time.Now()
		require.NoError(t, s.Close())
		require.LessOrEqual(t, time.Since(begun), 20*time.Second, "a callback at most")
	})
}

func TestAnOnRefreshThatOutlastsTheTokenIsNamed(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, _ *testutil.Entra, cred azcore.TokenCredential) {
		first := true
		s := newSource(t, cred, &auth.Options{OnRefresh: func(auth.RefreshEvent) {
			if !first {
				time.Sleep(2 * time.Minute)
			}
			first = false
		}})
		time.Sleep(110 * time.Second)
		_, err := s.Credentials(t.Context())
		require.ErrorContains(t, err, "OnRefresh")
		require.NotContains(t, err.Error(), "clock")
		require.Equal(t, retry.Busy, retry.Classify(err), "it passes")
		time.Sleep(time.Minute)
		remaining(t, s)
	})
}

func TestARetryAfterLeavesTimeForAnotherQuestion(t *testing.T) {
	for range 10 { // the schedule is random
		bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
			s := newSource(t, cred, nil)
			entra.Fail(testutil.Failure{RetryAfter: 5 * time.Minute, Count: 1})
			for range 2 * 3600 {
				require.Positive(t, remaining(t, s))
				time.Sleep(time.Second)
			}
		})
	}
}

func TestARejectionMendedInTimeLeavesNoGap(t *testing.T) {
	for range 10 {
		bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
			s := newSource(t, cred, nil)
			expires := s.Stats().ExpiresAt
			entra.Fail(testutil.Failure{Status: 401, Code: "invalid_client"})
			time.Sleep(time.Until(expires) - 3*time.Minute)
			entra.Recover()
			for range 10 * 60 {
				require.Positive(t, remaining(t, s))
				time.Sleep(time.Second)
			}
		})
	}
}

func TestARejectionIsAskedAboutLessOften(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		entra.Fail(testutil.Failure{Status: 401, Code: "invalid_client"})
		time.Sleep(2 * time.Hour)
		before := entra.Requests().Token
		for range 100 {
			_, err := s.Credentials(t.Context())
			require.Error(t, err)
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, entra.Requests().Token-before, 11, "by callers, in 100 s")
		before = entra.Requests().Token
		time.Sleep(time.Hour)
		require.LessOrEqual(t, entra.Requests().Token-before, 60, "by itself, in an hour")
		require.GreaterOrEqual(t, entra.Requests().Token-before, 11)
	})
}

func TestARetryAfterBindsCallersToo(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		time.Sleep(2 * time.Second)
		entra.Fail(testutil.Failure{Status: 429, RetryAfter: 20 * time.Second})
		before := entra.Requests().Token
		for range 19 {
			require.Error(t, s.Refresh(t.Context()))
			time.Sleep(time.Second)
		}
		require.Equal(t, 1, entra.Requests().Token-before)
	})
}

func TestARetryAfterMayBeADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		s := newSource(t, numbered(&calls, func(n int64) (azcore.AccessToken, error) {
			if n == 1 {
				return azcore.AccessToken{Token: "first", ExpiresOn: time.Now().Add(time.Hour)}, nil
			}
			return azcore.AccessToken{}, &azidentity.AuthenticationFailedError{RawResponse: &http.Response{
				StatusCode: 429, Header: http.Header{"Retry-After": {time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)}}, Body: http.NoBody,
			}}
		}), asMe)
		time.Sleep(2 * time.Second)
		for range 19 {
			require.Error(t, s.Refresh(t.Context()))
			time.Sleep(time.Second)
		}
		require.EqualValues(t, 2, calls.Load())
	})
}

func TestTheBackoffBeginsAnewWithEachToken(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		var failures []time.Time
		s := newSource(t, cred, &auth.Options{OnRefresh: func(e auth.RefreshEvent) {
			if e.Err != nil {
				failures = append(failures, time.Now())
			}
		}})
		for range 3 {
			expires := s.Stats().ExpiresAt
			entra.Fail(testutil.Failure{})
			time.Sleep(time.Until(expires) - 3*time.Minute)
			entra.Recover()
			time.Sleep(time.Minute)
			synctest.Wait()
			require.Greater(t, len(failures), 3)
			require.LessOrEqual(t, failures[1].Sub(failures[0]), 1500*time.Millisecond, "the first step")
			failures = nil
		}
	})
}

func TestAWishThatAnAttemptHasMetIsForgotten(t *testing.T) {
	bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		entra.SetDelay(10 * time.Millisecond)
		for range 50 {
			time.Sleep(2 * time.Second)
			before := entra.Requests().Token
			for range 3 {
				go func() { _ = s.Refresh(t.Context()) }()
			}
			time.Sleep(time.Second)
			require.LessOrEqual(t, entra.Requests().Token-before, 1)
		}
	})
}
