package measure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

func TestAFleetThatIsNotSpreadComesAllAtOnce(t *testing.T) {
	// Large enough that chance cannot reach the bounds below.
	const connections = 1000 * 50
	last := 0.0
	fleets, err := measure.Fleets(t.Context(), measure.FleetConfig{Processes: 1000, Each: 50}, func(done float64) { last = done })
	require.NoError(t, err)
	require.Equal(t, 1.0, last)
	require.Len(t, fleets, 4)
	peaks := map[[2]bool]float64{}
	for _, f := range fleets {
		require.Len(t, f.Auths, 3600)
		sum, peak := 0, 0
		for i, n := range f.Auths {
			sum, peak = sum+n, max(peak, n)
			if before := time.Hour - time.Duration(i)*f.Bucket; n > 0 && f.Together {
				require.Greater(t, before, 3*time.Minute)
				require.LessOrEqual(t, before, 4*time.Minute)
			}
		}
		if f.Together {
			require.Equal(t, connections, sum)
		} else {
			require.InEpsilon(t, 1.08*connections, sum, 0.08) // tokens are renewed before they end
		}
		require.InDelta(t, f.PeakPerMean, float64(peak)*3600/float64(sum), 1e-9)
		peaks[[2]bool{f.Spread, f.Together}] = f.PeakPerMean
	}
	require.Equal(t, 3600.0, peaks[[2]bool{false, true}], "all in one second")
	require.Less(t, peaks[[2]bool{true, true}]*10, peaks[[2]bool{false, true}])
	require.Less(t, peaks[[2]bool{true, false}]*2, peaks[[2]bool{false, false}])
}

func TestAFleetEndsWithItsContext(t *testing.T) {
	_, err := measure.Fleets(cancelled(t), measure.FleetConfig{}, func(float64) {})
	require.ErrorIs(t, err, errCancelled)
}
