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
	worst := map[[2]bool]float64{} // by the mean of the whole life
	for _, f := range fleets {
		require.Len(t, f.Auths, 3600)
		sum := 0
		for i, n := range f.Auths {
			sum += n
			if before := time.Hour - time.Duration(i)*f.Bucket; n > 0 && f.Together {
				require.Greater(t, before, 3*time.Minute)
				require.LessOrEqual(t, before, 4*time.Minute)
			}
		}
		if f.Together {
			require.Equal(t, connections, sum)
		} else {
			require.InEpsilon(t, 1.08*connections, sum, 0.06, "tokens are renewed before they end, so there are more than one in a life")
		}
		peak, _ := f.PeakAndMean()
		worst[[2]bool{f.Spread, f.Together}] = peak * 3600 / float64(sum)
	}
	require.Equal(t, 3600.0, worst[[2]bool{false, true}], "all in one second")
	require.Less(t, worst[[2]bool{true, true}]*10, worst[[2]bool{false, true}])
	require.Less(t, worst[[2]bool{true, false}]*1.5, worst[[2]bool{false, false}])
}

func TestThePeakOfAFleetIsComparedWithAnEvenSpread(t *testing.T) {
	f := measure.Fleet{Bucket: time.Second, Window: 4 * time.Second, Auths: []int{0, 0, 4, 0, 2, 2}}
	peak, mean := f.PeakAndMean()
	require.Equal(t, 4.0, peak)
	require.Equal(t, 2.0, mean)
	f.Auths = []int{0, 0, 8, 0, 0, 0}
	peak, mean = f.PeakAndMean()
	require.Equal(t, 4.0, peak/mean, "all at once is no even load of a short window")
}

func TestAFleetEndsWithItsContext(t *testing.T) {
	_, err := measure.Fleets(cancelled(t), measure.FleetConfig{}, func(float64) {})
	require.ErrorIs(t, err, errCancelled)
}
