package measure_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/benchmarks/measure"
	"github.com/redisentra/redisentra/testutil"
)

// requireServer requires that there is no error, and skips t where there is no redis-server, but not in CI, like testutil does.
func requireServer(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, testutil.ErrNoRedisServer) && os.Getenv("CI") == "" {
		t.Skipf("SKIPPED: %v", err)
	}
	require.NoError(t, err)
}

// finished is a progress that is required to end at 1 and never to go back.
type finished struct{ done float64 }

func (f *finished) progress(t *testing.T) func(float64) {
	t.Cleanup(func() {
		if !t.Failed() && !t.Skipped() {
			require.InDelta(t, 1, f.done, 1e-9, "the progress did not come to its end")
		}
	})
	return func(done float64) {
		require.GreaterOrEqual(t, done, f.done)
		f.done = done
	}
}

// Nothing else may keep the machine busy meanwhile: its tokens live for two seconds.
func TestOneContenderNoticesExpiryAndAnotherDoesNot(t *testing.T) {
	all, err := measure.Rotations(t.Context(), measure.RotationConfig{
		Contenders: []contenders.Contender{contenders.RueidisInStream, contenders.RueidisNone}, Life: 2 * time.Second, Lives: 2, Rounds: 1,
	}, new(finished).progress(t))
	requireServer(t, err)
	require.Len(t, all, 2)
	for _, r := range all {
		t.Logf("%s: %+v, %d opened, %d closed, %d messages lost", r.Contender, r.Kinds, r.Opened, r.ClosedOnExpiry, r.MessagesLost)
		require.NotEmpty(t, r.Expiries)
		require.Len(t, r.Kinds, 4)
		failed := 0
		for _, k := range r.Kinds {
			require.Positive(t, k.Commands, k.Name)
			require.LessOrEqual(t, k.Failed, k.Commands)
			require.Equal(t, k.Failed > 0, k.Error != "")
			failed += k.Failed
		}
		require.Equal(t, r.Kinds[0].Commands-r.Kinds[0].Failed, r.Inside.N+r.Outside.N)
		require.Positive(t, r.Outside.N)
		require.GreaterOrEqual(t, len(r.Timeline), 80, "of 4 s by 50 ms")
		for _, m := range r.Timeline {
			failed -= m.Failed
		}
		require.Zero(t, failed, "the timeline and the kinds disagree")
		requireNoToken(t, r)
	}
	inStream, none := all[0], all[1]
	for _, k := range inStream.Kinds {
		require.Zero(t, k.Failed, k)
	}
	require.Zero(t, inStream.Opened)
	require.Zero(t, inStream.ClosedOnExpiry)
	require.Zero(t, inStream.MessagesLost)
	require.Positive(t, inStream.Inside.N, "there was no AUTH")

	failed := 0
	for _, k := range none.Kinds {
		failed += k.Failed
	}
	require.Positive(t, failed)
	require.Positive(t, none.ClosedOnExpiry)
	require.Positive(t, none.Opened)
}

// requireNoToken requires that what is saved holds no token: they are JWTs, whose first part is an object in base64.
func requireNoToken(t *testing.T, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	require.NotContains(t, string(text), "eyJ")
}

func TestSteadyStatesAreOfAllContendersInEachRound(t *testing.T) {
	t.Parallel()
	all, err := measure.SteadyStates(t.Context(), measure.SteadyConfig{
		Goroutines: []int{4}, ValueBytes: []int{1000}, Blocks: 2, Rounds: 2, Turn: 10 * time.Millisecond,
	}, new(finished).progress(t))
	requireServer(t, err)
	want := contenders.InSteadyState()
	require.Len(t, all, 2*len(want))
	for i, s := range all {
		require.Equal(t, want[i%len(want)].Name, s.Contender)
		require.Equal(t, i >= len(want), s.TLS)
		require.Equal(t, 1000, s.ValueBytes)
		require.Equal(t, 2, s.Block)
		require.Len(t, s.PerSecond, 4)
		require.Len(t, s.Ratios, 4)
		require.GreaterOrEqual(t, s.Latency.N, 4*4, "each goroutine has one command in each turn at least")
		if i%len(want) == 0 {
			require.Equal(t, []float64{1, 1, 1, 1}, s.Ratios)
		}
	}
}

// Nothing else may keep the machine busy meanwhile: its tokens live for two seconds.
func TestARefreshReachesAllConnections(t *testing.T) {
	all, err := measure.Refreshes(t.Context(), measure.RefreshConfig{
		Contenders:  []contenders.Contender{contenders.RueidisInStream, contenders.Pool},
		Connections: []int{1, 8}, Life: 2 * time.Second, Rotations: 1,
	}, new(finished).progress(t))
	requireServer(t, err)
	require.Len(t, all, 4)
	for _, r := range all {
		require.GreaterOrEqual(t, r.Reached, r.Connections, r)
		require.Zero(t, r.ClosedOnExpiry, r)
		require.Positive(t, r.LastUse, r)
		require.Less(t, r.LastUse, r.Life, r)
		require.GreaterOrEqual(t, r.Auth.N, r.Connections, r)
	}
}

func TestScenariosEndWithTheirContext(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	for name, scenario := range map[string]func(progress func(float64)) error{
		"rotation": func(p func(float64)) error {
			_, err := measure.Rotations(ctx, measure.RotationConfig{}, p)
			return err
		},
		"refresh": func(p func(float64)) error {
			_, err := measure.Refreshes(ctx, measure.RefreshConfig{}, p)
			return err
		},
		"steady state": func(p func(float64)) error {
			_, err := measure.SteadyStates(ctx, measure.SteadyConfig{}, p)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := scenario(func(float64) { cancel(enough) }) // of the first one in its middle, of the others before they begin
			if !errors.Is(err, context.Canceled) && !errors.Is(err, enough) {
				requireServer(t, err)
			}
			require.Error(t, err)
		})
	}
}

func TestWhatHangsIsGivenUp(t *testing.T) {
	forever := make(chan struct{})
	defer close(forever)
	require.ErrorContains(t, measure.Within(time.Millisecond, func() { <-forever }), "hangs")
	require.NoError(t, measure.Within(time.Minute, func() {}))
}
