package auth_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/testutil"
)

// fakeSource is a Source whose answer is set.
type fakeSource struct {
	answer func(context.Context) (auth.Credentials, error)
	calls  atomic.Int32
}

func (f *fakeSource) Credentials(ctx context.Context) (auth.Credentials, error) {
	f.calls.Add(1)
	return f.answer(ctx)
}

func hourOf(password string) auth.Credentials {
	return auth.Credentials{Username: "u", Password: password, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour).Round(0)}
}

func TestTheLastValidCredentialsServeWhileASourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := hourOf("first")
		src := &fakeSource{answer: func(context.Context) (auth.Credentials, error) { return first, nil }}
		s := auth.LastValid(src)
		c, err := s.Credentials(t.Context())
		require.NoError(t, err)
		require.True(t, first == c)

		down := errors.New("down")
		src.answer = func(context.Context) (auth.Credentials, error) { return auth.Credentials{}, down }
		c, err = s.Credentials(t.Context())
		require.NoError(t, err)
		require.True(t, first == c)

		src.answer = func(context.Context) (auth.Credentials, error) {
			return auth.Credentials{Username: "u", Password: "old", ExpiresAt: time.Now()}, nil
		}
		c, err = s.Credentials(t.Context())
		require.NoError(t, err, "expired ones are a failure, too")
		require.True(t, first == c)

		time.Sleep(time.Hour)
		var unusable *auth.TokenError
		_, err = s.Credentials(t.Context())
		require.ErrorAs(t, err, &unusable)
		require.Equal(t, auth.UnusableToken, unusable.Kind)
		src.answer = func(context.Context) (auth.Credentials, error) { return auth.Credentials{}, down }
		_, err = s.Credentials(t.Context())
		require.ErrorIs(t, err, down)

		second := hourOf("second")
		src.answer = func(context.Context) (auth.Credentials, error) { return second, nil }
		c, err = s.Credentials(t.Context())
		require.NoError(t, err)
		require.True(t, second == c)
	})
}

func TestASourceThatHangsIgnoringItsContextHoldsUpNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		first := hourOf("first")
		src := &fakeSource{answer: func(context.Context) (auth.Credentials, error) { return first, nil }}
		s := auth.LastValid(src)
		_, err := s.Credentials(t.Context())
		require.NoError(t, err)

		src.answer = func(context.Context) (auth.Credentials, error) { <-release; return hourOf("late"), nil }
		begun := time.Now()
		for range 3000 { // one a second
			c, err := s.Credentials(t.Context())
			require.NoError(t, err)
			require.True(t, first == c)
			require.LessOrEqual(t, time.Since(begun), 100*time.Millisecond)
			time.Sleep(time.Second)
			begun = time.Now()
		}
		require.LessOrEqual(t, src.calls.Load(), int32(50), "at most four in five minutes are left behind, once it has hung for some")
		require.Greater(t, src.calls.Load(), int32(5), "but it is asked again and again")

		time.Sleep(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begun = time.Now()
		_, err = s.Credentials(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(begun), 300*time.Millisecond)
		_, err = s.Credentials(context.Background())
		require.Error(t, err, "even without a deadline it ends")
	})
}

func TestASourceIsAskedAgainSoonAfterItHung(t *testing.T) {
	for _, hang := range []time.Duration{5 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute} {
		t.Run(hang.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				never, begun := make(chan struct{}), time.Now()
				defer close(never)
				s := auth.LastValid(&fakeSource{answer: func(context.Context) (auth.Credentials, error) {
					if time.Since(begun) < hang {
						<-never
					}
					return hourOf("new"), nil
				}})
				for {
					if _, err := s.Credentials(t.Context()); err == nil {
						break
					}
				}
				require.LessOrEqual(t, time.Since(begun), max(hang, 5*time.Second)+time.Minute)
				t.Logf("%v after the hang", time.Since(begun)-hang)
			})
		})
	}
}

func TestALostCallThatReturnsLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{answer: func(context.Context) (auth.Credentials, error) {
			time.Sleep(11 * time.Second)
			return auth.Credentials{}, nil
		}}
		s := auth.LastValid(src)
		for range 20 {
			begun := time.Now()
			_, err := s.Credentials(t.Context())
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, 10*time.Second, time.Since(begun))
		}
		require.EqualValues(t, 20, src.calls.Load(), "each has made room for another")
		time.Sleep(time.Second)
	})
}

func TestATimeOutThatIsNotTheCallersIsALostConnection(t *testing.T) {
	const ours = "auth: the source did not answer within 10s: i/o timeout"
	for name, c := range map[string]struct {
		answer func(ctx context.Context) error
		want   []string
	}{
		"ignores its ctx":   {func(context.Context) error { time.Sleep(time.Minute); return nil }, []string{ours}},
		"heeds its ctx":     {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, []string{ours}},
		"returns its cause": {func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, []string{ours}},
		"explains itself": {func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("vault: %w", ctx.Err())
		}, []string{ours, ours + ": vault: context deadline exceeded"}}, // whichever is sooner
		"has a time-out of its own": {func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-ctx.Done()
			return fmt.Errorf("vault: %w", ctx.Err())
		}, []string{"auth: the source did not answer in time: i/o timeout: vault: context deadline exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := auth.LastValid(&fakeSource{answer: func(ctx context.Context) (auth.Credentials, error) {
					return auth.Credentials{}, c.answer(ctx)
				}})
				_, err := s.Credentials(t.Context())
				require.Contains(t, c.want, err.Error())
				require.Equal(t, retry.ConnectionLost, retry.Classify(err))
				require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's ctx lives")
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestASourceThatIsSlowOnceRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{answer: func(context.Context) (auth.Credentials, error) {
			time.Sleep(2 * time.Second)
			return hourOf("new"), nil
		}}
		s := auth.LastValid(src)
		c, err := s.Credentials(t.Context())
		require.NoError(t, err)
		require.Equal(t, "new", c.Password)
		require.EqualValues(t, 1, src.calls.Load())
	})
}

func TestLastValidLeavesATokenSourceAlone(t *testing.T) {
	bubble(t, time.Hour, func(t *testing.T, _ *testutil.Entra, cred azcore.TokenCredential) {
		s := newSource(t, cred, nil)
		require.True(t, auth.LastValid(s) == auth.Source(s))
	})
}

func TestCallersShareOneCallOfASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{answer: func(ctx context.Context) (auth.Credentials, error) {
			select {
			case <-time.After(time.Second):
				return hourOf("shared"), nil
			case <-ctx.Done():
				return auth.Credentials{}, ctx.Err()
			}
		}}
		s := auth.LastValid(src)
		first, cancel := context.WithCancel(t.Context())
		go func() { _, _ = s.Credentials(first) }()
		synctest.Wait()
		cancel() // the one who began it goes away
		done := make(chan error, 100)
		for range 100 {
			go func() {
				_, err := s.Credentials(t.Context())
				done <- err
			}()
		}
		for range 100 {
			require.NoError(t, <-done)
		}
		require.EqualValues(t, 1, src.calls.Load())
	})
}

func TestTheWaitForASlowSourceIsSharedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{answer: func(context.Context) (auth.Credentials, error) { return hourOf("first"), nil }}
		s := auth.LastValid(src)
		_, err := s.Credentials(t.Context())
		require.NoError(t, err)
		src.answer = func(context.Context) (auth.Credentials, error) {
			time.Sleep(5 * time.Second)
			return hourOf("second"), nil
		}
		begun := time.Now()
		for range 40 {
			c, err := s.Credentials(t.Context())
			require.NoError(t, err)
			require.Equal(t, "first", c.Password)
		}
		require.Equal(t, 100*time.Millisecond, time.Since(begun), "once, for all of them")
		time.Sleep(5 * time.Second)
		synctest.Wait()
	})
}

func TestCredentialsOfUnknownAgeGetTheTimeTheyFirstCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		expires := begun.Add(time.Hour)
		s := auth.LastValid(auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
			return auth.Credentials{Username: "u", Password: "p", ExpiresAt: expires}, nil
		}))
		for range 3 {
			c, err := s.Credentials(t.Context())
			require.NoError(t, err)
			require.True(t, begun.Equal(c.IssuedAt))
			time.Sleep(10 * time.Minute)
		}
	})
}

func TestAnExpiryThatRoundingMovesMakesNoPasswordAnyYounger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		expires := begun.Add(time.Hour)
		s := auth.LastValid(auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
			moved := time.Duration((time.Now().Minute()+1)%3-1) * time.Second
			return auth.Credentials{Username: "u", Password: "p", ExpiresAt: expires.Add(moved)}, nil
		}))
		for range 50 {
			c, err := s.Credentials(t.Context())
			require.NoError(t, err)
			require.True(t, begun.Equal(c.IssuedAt))
			time.Sleep(time.Minute)
		}
	})
}

func TestALifeThatIsProlongedByLittleDoesNotGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := auth.LastValid(prolonging(func() time.Time { return time.Time{} }))
		for range 4 * 3600 {
			c, err := s.Credentials(t.Context())
			require.NoError(t, err)
			require.LessOrEqual(t, c.ExpiresAt.Sub(c.IssuedAt), time.Hour+time.Second)
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestCredentialsThatExpireBeforeTheyWereIssuedStillReauthenticateInTime(t *testing.T) {
	c := auth.Credentials{Username: "u", Password: "p", IssuedAt: epoch.Add(8 * time.Hour), ExpiresAt: epoch.Add(time.Hour)}
	require.True(t, c.ReauthAt(epoch).Before(c.ExpiresAt))
}
