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
