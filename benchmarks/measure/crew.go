package measure

import (
	"sync"
	"sync/atomic"
)

// crew are workers that end together.
type crew struct {
	enough atomic.Bool
	wg     sync.WaitGroup
}

// end ends the workers, once the commands under way are done.
func (c *crew) end() error {
	c.enough.Store(true)
	return within(patience, c.wg.Wait)
}

// goOn calls f again and again until there is enough.
func (c *crew) goOn(f func()) {
	c.wg.Go(func() {
		for !c.enough.Load() {
			f()
		}
	})
}
