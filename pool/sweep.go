package pool

import (
	"context"
	"slices"
	"time"
)

// maxSleep bounds how long a timer is trusted; it stands still while a machine sleeps, expiry does not.
const maxSleep = time.Minute

// sweep looks after idle connections until the pool is closed.
func (p *Pool[C]) sweep() {
	defer close(p.swept)
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.kick:
		case <-t.C:
		}
		p.setClock()
		due, next := p.tell()
		if due {
			p.lookAfterIdle()
		}
		t.Reset(min(next-p.clock(), maxSleep))
	}
}

// plan makes sweep find out when the next member is due.
func (p *Pool[C]) plan() {
	select {
	case p.kick <- struct{}{}:
	default: // it will
	}
}

// tell marks the members whose time has come. It reports whether there are any, and when the next one's comes.
func (p *Pool[C]) tell() (due bool, next time.Duration) {
	now := p.clock()
	p.mu.Lock()
	defer p.mu.Unlock()
	next = now + maxSleep
	for m := range p.members {
		switch wake := time.Duration(m.wake.Load()); {
		case wake > now:
			next = min(next, wake)
		case !m.late.Swap(true):
			due = true
		}
	}
	return due, next
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
		switch {
		case !m.late.Load():
			place.ReleaseUnused()
		case m.outlived():
			p.discard(m)
		default:
			m.late.Store(false)
			m.wake.Store(never) // until lookAfter knows
			go func() { p.putBack(m, p.lookAfter(m)) }()
		}
	}
}

// lookAfter sends AUTH on m's idle connection if there are newer credentials.
func (p *Pool[C]) lookAfter(m *member[C]) error {
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.DialTimeout)
	defer cancel()
	creds, stale, err := p.newest(ctx, m)
	switch {
	case err != nil:
		return err
	case stale:
		return p.renew(m, creds)
	}
	m.wakeAt(m.creds.ReauthAt(time.Now()))
	return nil
}
