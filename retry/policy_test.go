package retry_test

import (
	"context"
	"io"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/retry"
)

func TestPoliciesThatCannotWorkAreRefusedBeforeAnythingRuns(t *testing.T) {
	for field, policies := range map[string][]retry.Policy{
		"MaxAttempts":     {{MaxAttempts: -1}},
		"InitialInterval": {{InitialInterval: -1}},
		"MaxInterval":     {{MaxInterval: -1}, {InitialInterval: 2, MaxInterval: 1}},
		"Multiplier":      {{Multiplier: 0.99}, {Multiplier: -2}, {Multiplier: math.NaN()}, {Multiplier: math.Inf(1)}, {Multiplier: math.Inf(-1)}},
		"Jitter":          {{Jitter: -0.1}, {Jitter: 1.1}, {Jitter: math.NaN()}, {Jitter: math.Inf(1)}},
		"MaxElapsed":      {{MaxElapsed: -1}},
	} {
		for _, p := range policies {
			ran := false
			err := retry.Do(t.Context(), p, func(context.Context) error { ran = true; return nil })
			var config *auth.ConfigError
			require.ErrorAs(t, err, &config, field)
			require.Equal(t, "retry.Policy."+field, config.Field)
			require.NotEmpty(t, config.Problem)
			_, err = retry.DoValue(t.Context(), p, func(context.Context) (int, error) { ran = true; return 1, nil })
			require.ErrorAs(t, err, &config, field)
			require.False(t, ran)
			require.PanicsWithError(t, config.Error(), func() { retry.RueidisDelay(p) })
		}
	}
}

func TestNilContextsAndOperationsAreRefused(t *testing.T) {
	ran := false
	var none context.Context
	var config *auth.ConfigError
	require.ErrorAs(t, retry.Do(none, retry.Policy{}, func(context.Context) error { ran = true; return nil }), &config)
	require.Equal(t, "retry: ctx", config.Field)
	require.False(t, ran)
	require.ErrorAs(t, retry.Do(t.Context(), retry.Policy{}, nil), &config)
	require.Equal(t, "retry: op", config.Field)
	_, err := retry.DoValue[int](t.Context(), retry.Policy{}, nil)
	require.ErrorAs(t, err, &config)
}

func TestWaitsGrowWithinTheirBounds(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		policy retry.Policy
		jitter float64
		want   []time.Duration // before the jitter
	}{
		"by default":                   {retry.Policy{}, 0.5, []time.Duration{100 * ms, 200 * ms}},
		"up to 5 s by default":         {retry.Policy{MaxAttempts: 9}, 0.5, []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms}},
		"from an interval beyond that": {retry.Policy{InitialInterval: 7 * time.Second}, 0.5, []time.Duration{7000 * ms, 7000 * ms}},
		"up to one short of the first": {retry.Policy{MaxInterval: 30 * ms}, 0.5, []time.Duration{30 * ms, 30 * ms}},
		"evenly":                       {retry.Policy{MaxAttempts: 4, Multiplier: 1, Jitter: 1e-9}, 1e-9, []time.Duration{100 * ms, 100 * ms, 100 * ms}},
		"from nothing to twice that":   {retry.Policy{MaxAttempts: 5, InitialInterval: ms, Multiplier: 3, Jitter: 1}, 1, []time.Duration{ms, 3 * ms, 9 * ms, 27 * ms}},
		"not at all":                   {retry.Policy{MaxAttempts: 1}, 0.5, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 100 {
					told, took := []time.Duration{}, []time.Duration{}
					c.policy.OnRetry = func(a retry.Attempt) { told = append(told, a.Wait) }
					last := time.Now()
					require.ErrorIs(t, retry.Do(t.Context(), c.policy, func(context.Context) error {
						took = append(took, time.Since(last))
						last = time.Now()
						return io.EOF
					}), io.EOF)
					require.Equal(t, told, slices.Clone(took[1:]), "the waits are those told of")
					require.Len(t, told, len(c.want))
					for i, wait := range told {
						require.InDelta(t, c.want[i], wait, c.jitter*float64(c.want[i])+1)
					}
				}
			})
		})
	}
}

func TestWaitsOfCenturiesDoNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		tries := 0
		err := retry.Do(ctx, retry.Policy{MaxAttempts: 1000, InitialInterval: math.MaxInt64, Jitter: 1}, func(context.Context) error {
			tries++
			return io.EOF
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, tries)
	})
}
