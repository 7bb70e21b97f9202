package measure

import (
	"slices"
	"time"
)

// newPercentiles sorts latencies. They are kept whole instead of in a histogram: a run has some hundred thousand
// of each, of eight bytes, and ratios of a few percent are not to depend on the width of a bucket.
func newPercentiles(latencies []time.Duration) Percentiles {
	n := len(latencies)
	if n == 0 {
		return Percentiles{}
	}
	slices.Sort(latencies)
	at := func(perMille int) time.Duration { return latencies[min(n-1, n*perMille/1000)] }
	return Percentiles{P50: at(500), P99: at(990), P999: at(999), Max: latencies[n-1], N: n}
}

// Median returns the middle one of all, or the mean of the two in the middle; 0 of none.
func Median[T ~int | ~int64 | ~float64](all []T) T {
	n := len(all)
	if n == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return (all[(n-1)/2] + all[n/2]) / 2
}
