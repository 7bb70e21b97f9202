package pool

import (
	"slices"
	"time"
)

// maxSleep bounds how long a timer is trusted; it stands still while a machine sleeps, expiry does not. So does
// the monotonic clock, and each now here is of the wall clock alone: of two that disagree, sweep, which goes by this
// one, would find due again and again what by the other is not.
const maxSleep = time.Minute

// sweep looks after idle connections until the pool is closed. The moments are marked here, so that a
// checkout need not look at a clock.
func (p *Pool[C]) sweep() {
	defer close(p.swept)
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		again := false
		select {
		case <-p.ctx.Done():
			return
		case <-p.kick:
		case <-t.C:
			again = true
		}
		due, next := p.markLate(time.Now())
		if due || again {
			p.lookAfterIdle()
		}
		t.Reset(min(time.Until(next), maxSleep))
	}
}

// plan makes sweep find out when the next member is due.
func (p *Pool[C]) plan() {
	select {
	case p.kick <- struct{}{}:
	default: // it will
	}
}

// markLate marks the members whose time has come. It reports whether one may be idle that nobody has looked after
// since, and when the next one's time comes.
func (p *Pool[C]) markLate(now time.Time) (due bool, next time.Time) {
	due = p.overdue.Swap(false)
	next = now.Add(maxSleep)
	p.mu.Lock()
	defer p.mu.Unlock()
	for m := range p.members {
		switch wake := m.wake.Load(); {
		case m.late.Load():
		case wake > now.UnixNano():
			next = earlier(next, time.Unix(0, wake))
		default:
			m.late.Store(true)
			due = true
		}
	}
	return due, next
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// lookAfterIdle looks after all marked members that are idle. The others stay marked, and are
// looked after when they are acquired or released.
func (p *Pool[C]) lookAfterIdle() {
	sorted := make(chan struct{})
	p.sorting.Store(&sorted)
	defer func() {
		p.sorting.Store(nil)
		close(sorted)
	}()
	for _, place := range slices.Backward(p.places.AcquireAllIdle()) { // the last one is the next to be acquired again
		m := place.Value()
		m.place = place
		if !m.late.Load() {
			place.ReleaseUnused()
			continue
		}
		go func() { p.putBack(m, p.ready(p.ctx, m, false)) }() // it has m, and Close waits for that
	}
}
