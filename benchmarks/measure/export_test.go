package measure

import (
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
)

var (
	LastUses       = lastUses
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

// Inbox is a subscriber of c to which so many numbers from 1 on are published.
type Inbox struct{ *inbox }

func NewInbox(c contenders.Client, published int) Inbox {
	b := subscribe(c)
	for i := range published {
		b.published = append(b.published, i+1)
	}
	return Inbox{b}
}

// End returns how many of them have not come, and how many subscriptions have ended by themselves.
func (b Inbox) End() (lost, ended int, err error) {
	err = b.end()
	return b.lost(), len(b.ended), err
}
