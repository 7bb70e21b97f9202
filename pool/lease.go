package pool

import (
	"context"
	"errors"

	"github.com/jackc/puddle/v2"

	"github.com/redisentra/redisentra/auth"
)

// Lease is the use of one connection until Release or Discard. It is a value: copies are the same
// lease, and the first Release or Discard of any of them ends it. The zero Lease has ended.
type Lease[C Conn] struct {
	m *member[C]
	n uint64 // what m.lease is for as long as this one lasts
}

// leased reports whether n is the number of a lease, and not of the time between two.
func leased(n uint64) bool { return n%2 == 1 }

// Acquire waits for a connection that is logged in, until ctx ends. It opens one if none is idle and MaxSize
// allows it. Errors are those of ctx, of Config.Dial, of the login, of the source, and [ErrClosed].
func (p *Pool[C]) Acquire(ctx context.Context) (Lease[C], error) {
	for {
		if sorted := p.sorting.Load(); sorted != nil {
			<-*sorted // else this would find nothing idle, and dial
		}
		place, err := p.places.Acquire(ctx)
		if err != nil {
			return Lease[C]{}, p.unavailable(ctx, err)
		}
		m := place.Value()
		m.place = place
		if p.clock() >= m.due || m.losses != p.losses.Load() || p.cfg.Check != nil || p.cfg.MaxIdleTime > 0 {
			switch ok, err := p.prepare(ctx, m); {
			case err != nil:
				return Lease[C]{}, p.unavailable(ctx, err)
			case !ok:
				continue
			}
		}
		return Lease[C]{m, m.lease.Add(1)}, nil
	}
}

// unavailable says why there is no connection.
func (p *Pool[C]) unavailable(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, puddle.ErrClosedPool) || p.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return failure(ctx)
	}
	return err
}

// prepare makes m, which nobody else has, ready for a lease. If it is not then it is gone.
func (p *Pool[C]) prepare(ctx context.Context, m *member[C]) (ok bool, err error) {
	if m.outlived() {
		p.discard(m)
		return false, nil
	}
	if p.clock() >= m.due || m.losses != p.losses.Load() {
		creds, stale, err := p.newest(ctx, m)
		switch {
		case err != nil:
			p.discard(m)
			return false, err
		case stale:
			if err := p.renewFor(ctx, m, creds); err != nil {
				return false, err
			}
		}
	}
	if p.cfg.Check != nil && !m.fresh {
		checkCtx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
		defer cancel()
		if err := p.cfg.Check(checkCtx, m.conn); err != nil {
			p.discard(m)
			return false, ctx.Err()
		}
	}
	m.fresh = false
	return true, nil
}

// renewFor renews m for as long as ctx lets the caller wait; what ends later goes back to the pool.
func (p *Pool[C]) renewFor(ctx context.Context, m *member[C], creds auth.Credentials) error {
	done := make(chan error)
	go func() {
		err := p.renew(m, creds)
		select {
		case done <- err:
		case <-ctx.Done():
			p.putBack(m, err)
		}
	}()
	select {
	case err := <-done:
		if err != nil {
			p.discard(m)
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Conn returns the connection. It must not be used once the lease has ended.
func (l Lease[C]) Conn() (c C) {
	if l.m != nil {
		c = l.m.conn
	}
	return c
}

// Release gives the connection back, or closes it if its method Err says that it is of no more use.
func (l Lease[C]) Release() {
	switch {
	case !l.end():
	case l.m.broken():
		l.m.pool.lose(l.m)
	default:
		l.m.release()
	}
}

// Discard closes the connection. Use it when the connection is broken, or when it is in a
// state that the next user must not find, such as subscribed.
func (l Lease[C]) Discard() {
	if l.end() {
		if l.m.health != nil && !l.m.broken() {
			l.m.pool.discard(l.m)
			return
		}
		l.m.pool.lose(l.m)
	}
}

// end reports whether it was this call that ended the lease.
func (l Lease[C]) end() bool { return l.m != nil && l.m.lease.CompareAndSwap(l.n, l.n+1) }
