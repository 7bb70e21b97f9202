package measure

import "time"

var (
	NewPercentiles = newPercentiles
	OpenSoon       = openSoon
	Within         = within
)

// InWindow is inWindow of a command from begin to end.
func InWindow(auths []time.Duration, begin, end time.Duration) bool {
	return inWindow(auths, sample{begin, end - begin})
}

// Split is split of commands that begin one a millisecond and take so long.
func Split(auths, took []time.Duration) (inside, outside []time.Duration, ratios []float64) {
	samples := make([]sample, len(took))
	for i, d := range took {
		samples[len(took)-1-i] = sample{time.Duration(i) * time.Millisecond, d}
	}
	return split(auths, samples)
}
