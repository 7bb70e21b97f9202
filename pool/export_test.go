package pool

// Late reports whether the pool still means to look after the leased connection.
func (l Lease[C]) Late() bool { return l.m.late.Load() }
