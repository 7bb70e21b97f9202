package retry_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/retry"
)

const ms = time.Millisecond

var _ rueidis.RetryDelayFn = retry.RueidisDelay(retry.Policy{})

func TestRueidisDelaysAreThoseOfThePolicy(t *testing.T) {
	delay := retry.RueidisDelay(retry.Policy{MaxAttempts: 6, InitialInterval: 10 * ms, MaxInterval: 50 * ms, Multiplier: 2, Jitter: 0.2})
	for range 100 {
		for i, want := range []time.Duration{10 * ms, 20 * ms, 40 * ms, 50 * ms, 50 * ms} {
			require.InDelta(t, want, delay(i+1, rueidis.Completed{}, io.EOF), 0.2*float64(want)+1)
		}
		require.Negative(t, delay(6, rueidis.Completed{}, io.EOF))
		require.Negative(t, delay(7, rueidis.Completed{}, io.EOF))
	}
	require.Negative(t, retry.RueidisDelay(retry.Policy{MaxAttempts: 1})(1, rueidis.Completed{}, io.EOF))
	require.Negative(t, retry.RueidisDelay(retry.Policy{})(3, rueidis.Completed{}, io.EOF))
	require.Positive(t, retry.RueidisDelay(retry.Policy{MaxAttempts: math.MaxInt, InitialInterval: math.MaxInt64, Jitter: 1})(9, rueidis.Completed{}, io.EOF))
}

func TestRueidisWaitsNoLongerInSumThanMaxElapsed(t *testing.T) {
	// 10, 20, 40 and 80 ms, each half as long again at most
	delay := retry.RueidisDelay(retry.Policy{MaxAttempts: 9, InitialInterval: 10 * ms, MaxElapsed: 110 * ms})
	require.Positive(t, delay(3, rueidis.Completed{}, io.EOF))
	require.Negative(t, delay(4, rueidis.Completed{}, io.EOF))
	require.Negative(t, retry.RueidisDelay(retry.Policy{MaxElapsed: 100 * ms})(1, rueidis.Completed{}, io.EOF))
	require.Positive(t, retry.RueidisDelay(retry.Policy{MaxElapsed: 151 * ms})(1, rueidis.Completed{}, io.EOF))
}

func TestRueidisStopsAtWhatIsKnownToStay(t *testing.T) {
	delay := retry.RueidisDelay(retry.Policy{Refresh: func(context.Context) error { panic("Refresh") }, OnRetry: func(retry.Attempt) { panic("OnRetry") }})
	for _, err := range []error{x509.HostnameError{}, auth.ErrClosed, &auth.TokenError{Kind: auth.Rejected}, context.Canceled, markedError("NOPERM")} {
		require.Negative(t, delay(1, rueidis.Completed{}, err), "%T", err)
	}
	for _, err := range []error{io.EOF, rueidis.ErrClosing, rueidis.ErrNoSlot, markedError("LOADING"), &auth.TokenError{}, errors.New("unknown"), nil} {
		require.Positive(t, delay(1, rueidis.Completed{}, err), "%v", err)
	}
	delay = retry.RueidisDelay(retry.Policy{Classify: func(err error) retry.Class {
		if err == io.EOF {
			return retry.Permanent
		}
		return retry.Busy
	}})
	require.Negative(t, delay(1, rueidis.Completed{}, io.EOF))
	require.Positive(t, delay(1, rueidis.Completed{}, auth.ErrClosed))
}

func TestRueidisGivesReadsUpAfterMaxAttempts(t *testing.T) {
	s := newServer(t, nil)
	delay := retry.RueidisDelay(retry.Policy{MaxAttempts: 4, InitialInterval: ms})
	var attempts []int
	var waits []time.Duration
	option := s.ClientOption()
	option.RetryDelay = func(n int, cmd rueidis.Completed, err error) time.Duration {
		require.Equal(t, retry.ConnectionLost, retry.Classify(err), "%v", err)
		attempts, waits = append(attempts, n), append(waits, delay(n, cmd, err))
		return waits[len(waits)-1]
	}
	client := s.connect(t, option)
	require.NoError(t, client.Do(t.Context(), client.B().Set().Key("k").Value("v").Build()).Error())
	require.NoError(t, s.Kill())
	err := client.Do(t.Context(), client.B().Get().Key("k").Build()).Error()
	require.Equal(t, retry.ConnectionLost, retry.Classify(err), "%v", err)
	require.Equal(t, []int{1, 2, 3, 4}, attempts)
	require.Negative(t, waits[3])

	attempts = nil
	require.Error(t, client.Do(t.Context(), client.B().Set().Key("k").Value("v").Build()).Error())
	require.Empty(t, attempts, "writes are none of it")
	require.Error(t, client.Do(t.Context(), client.B().Set().Key("k").Value("v").Build().ToRetryable()).Error())
	require.Equal(t, []int{1, 2, 3, 4}, attempts)
}
