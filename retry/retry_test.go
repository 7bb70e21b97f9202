package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/testutil"
)

// script is an operation that returns its errors one after the other, the last one for good.
type script struct {
	errs []error
	runs int
}

func (s *script) run(context.Context) error {
	s.runs++
	return s.errs[min(s.runs, len(s.errs))-1]
}

func gaveUp(t *testing.T, err error) *retry.Error {
	t.Helper()
	var e *retry.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestAnOperationRunsUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []retry.Attempt
		op := &script{errs: []error{io.EOF, markedError("LOADING"), nil}}
		require.NoError(t, retry.Do(t.Context(), retry.Policy{OnRetry: func(a retry.Attempt) { told = append(told, a) }}, op.run))
		require.Equal(t, 3, op.runs)
		require.Equal(t, []retry.Attempt{
			{Number: 1, Err: io.EOF, Class: retry.ConnectionLost, Wait: told[0].Wait},
			{Number: 2, Err: markedError("LOADING"), Class: retry.Busy, Wait: told[1].Wait, Elapsed: told[0].Wait},
		}, told)
	})
}

func TestAResultIsThatOfTheLastAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		count := func(fails int) func(context.Context) (int, error) {
			runs = 0
			return func(context.Context) (int, error) {
				if runs++; runs <= fails {
					return runs, io.EOF
				}
				return runs, nil
			}
		}
		v, err := retry.DoValue(t.Context(), retry.Policy{}, count(2))
		require.NoError(t, err)
		require.Equal(t, 3, v)
		v, err = retry.DoValue(t.Context(), retry.Policy{}, count(3))
		require.Equal(t, 3, gaveUp(t, err).Attempts)
		require.Equal(t, 3, v)
	})
}

func TestWhatIsGivenUpSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, attempts := range []int{0, 1, 7} {
			reset := &net.OpError{Op: "read", Net: "tcp", Err: io.ErrUnexpectedEOF}
			op := &script{errs: []error{io.EOF, reset}}
			if attempts == 1 {
				op.errs = op.errs[1:]
			}
			begun := time.Now()
			err := retry.Do(t.Context(), retry.Policy{MaxAttempts: attempts}, op.run)
			if attempts == 0 {
				attempts = 3
			}
			require.Equal(t, attempts, op.runs)
			require.Equal(t, &retry.Error{Attempts: attempts, Elapsed: time.Since(begun), Class: retry.ConnectionLost, Err: reset}, err)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotErrorIs(t, err, io.EOF)
			require.Regexp(t, fmt.Sprintf(`^retry: gave up after %d attempts? in [0-9.]+m?s: read tcp: unexpected EOF$`, attempts), err.Error())
		}
	})
}

func TestPermanentErrorsComeBackAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, permanent := range []error{rueidis.Nil, markedError("NOPERM"), context.DeadlineExceeded, fmt.Errorf("op: %w", auth.ErrClosed), errors.New("mine")} {
			for before := range 3 {
				op := &script{errs: append([]error{io.EOF, io.EOF}[:before:before], permanent)}
				err := retry.Do(t.Context(), retry.Policy{}, op.run)
				require.True(t, err == permanent, "%v", err)
				require.Equal(t, before+1, op.runs)
			}
		}
		_, err := retry.DoValue(t.Context(), retry.Policy{}, func(context.Context) (int, error) { return 0, rueidis.Nil })
		require.True(t, rueidis.IsRedisNil(err))
	})
}

func TestAClassifyOfOnesOwnDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mine := errors.New("mine")
		for class, runs := range map[retry.Class]int{retry.Permanent: 1, retry.ConnectionLost: 3, retry.AuthFailed: 3, retry.Busy: 3, -1: 1, 9: 1} {
			op := &script{errs: []error{mine}}
			err := retry.Do(t.Context(), retry.Policy{Classify: func(error) retry.Class { return class }}, op.run)
			require.ErrorIs(t, err, mine)
			require.Equal(t, runs, op.runs, class)
		}
	})
}

func TestRefreshIsCalledOnceBeforeEachTryThatFollowsAFailedLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		op := &script{errs: []error{markedError("WRONGPASS"), io.EOF, markedError("NOAUTH"), markedError("LOADING"), mereString("WRONGPASS")}}
		p := retry.Policy{
			MaxAttempts: 5,
			Refresh:     func(context.Context) error { order = append(order, "refresh"); return nil },
			OnRetry:     func(a retry.Attempt) { order = append(order, a.Class.String()) },
		}
		err := retry.Do(t.Context(), p, op.run)
		require.Equal(t, []string{"auth failed", "refresh", "connection lost", "auth failed", "refresh", "busy"}, order)
		require.Equal(t, retry.AuthFailed, gaveUp(t, err).Class)
		require.Nil(t, gaveUp(t, err).Refresh)
	})
}

func TestAFailedRefreshKeepsNothingFromBeingTriedAndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &auth.TokenError{Kind: auth.Unavailable, Status: 503}
		p := retry.Policy{Refresh: func(context.Context) error { return down }}
		op := &script{errs: []error{markedError("WRONGPASS"), nil}}
		require.NoError(t, retry.Do(t.Context(), p, op.run))
		require.Equal(t, 2, op.runs)

		op = &script{errs: []error{markedError("WRONGPASS no"), io.EOF}}
		err := retry.Do(t.Context(), p, op.run)
		require.Equal(t, 3, op.runs)
		require.ErrorIs(t, err, io.EOF)
		var token *auth.TokenError
		require.ErrorAs(t, err, &token)
		require.Contains(t, err.Error(), "EOF; Refresh failed: auth: no token: unavailable, HTTP 503")
		require.Equal(t, error(down), gaveUp(t, err).Refresh)
	})
}

func TestPanicsAreTheCallers(t *testing.T) {
	require.PanicsWithValue(t, "op", func() {
		_ = retry.Do(t.Context(), retry.Policy{}, func(context.Context) error { panic("op") })
	})
	require.PanicsWithValue(t, "told", func() {
		_ = retry.Do(t.Context(), retry.Policy{OnRetry: func(retry.Attempt) { panic("told") }}, (&script{errs: []error{io.EOF}}).run)
	})
}

func TestSuccessAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	op := func(context.Context) error { return nil }
	value := func(context.Context) (string, error) { return "v", nil }
	told := 0
	for name, p := range map[string]retry.Policy{
		"zero": {},
		"full": {
			MaxAttempts: 5, InitialInterval: 1, MaxInterval: 2, Multiplier: 3, Jitter: 1, MaxElapsed: time.Hour, Classify: retry.Classify,
			Refresh: func(context.Context) error { told++; return nil }, OnRetry: func(retry.Attempt) { told++ },
		},
	} {
		require.Zero(t, testing.AllocsPerRun(1000, func() { _ = retry.Do(ctx, p, op) }), name)
		require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = retry.DoValue(ctx, p, value) }), name)
		got := ""
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			_ = retry.Do(ctx, p, func(context.Context) error { got = name; return nil })
		}), name)
		require.Equal(t, name, got)
	}
	require.Zero(t, told)
}

// What a broken answer of Entra ID quotes is in no text of what Do returns.
func TestNoTokenIsInAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entra := testutil.NewEntra(t, &testutil.EntraOptions{InMemory: true})
		cred, err := entra.ClientSecret(entra.NewPrincipal())
		require.NoError(t, err)
		source, err := auth.NewTokenSource(t.Context(), cred, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = source.Close() })
		entra.SetBrokenJSON(true)
		time.Sleep(57 * time.Minute) // until azidentity asks for another token
		err = retry.Do(t.Context(), retry.Policy{InitialInterval: time.Minute, Refresh: source.Refresh}, (&script{errs: []error{markedError("WRONGPASS")}}).run)
		require.Error(t, gaveUp(t, err).Refresh)
		for _, format := range []string{"%v", "%+v", "%#v", "%q", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, err), "eyJ", format)
		}
	})
}
