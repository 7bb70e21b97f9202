package pool

import "time"

// Late reports whether the pool still means to look after the leased connection.
func (l Lease[C]) Late() bool { return l.m.late.Load() }

// Wake returns when the pool means to look after the leased connection.
func (l Lease[C]) Wake() time.Time { return time.Unix(0, l.m.wake.Load()) }

// SetEnds sets the end of the leased connection's lifetime.
func (l Lease[C]) SetEnds(at time.Time) {
	l.m.ends = at
	l.m.lookedAfter(time.Now())
}
