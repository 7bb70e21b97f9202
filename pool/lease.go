package pool

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/puddle/v2"

	"github.com/redisentra/redisentra/internal/ctxerr"
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
// allows it. Errors are those of ctx and its cause, of Config.Dial, of the login, of the source, and [ErrClosed].
func (p *Pool[C]) Acquire(ctx context.Context) (Lease[C], error) {
	for waits := ctx; ; {
		if sorted := p.sorting.Load(); sorted != nil {
			<-*sorted // else this would find nothing idle, and dial
		}
		place, err := p.places.Acquire(waits)
		if err == errIdle {
			waits = context.WithValue(ctx, hasWaited{}, true)
			continue
		}
		if err != nil {
			return Lease[C]{}, p.unavailable(ctx, err)
		}
		m := place.Value()
		m.place = place
		if m.late.Load() || m.near || m.losses != p.losses.Load() || p.cfg.Check != nil {
			if err := p.await(ctx, m); err != nil {
				return Lease[C]{}, p.unavailable(ctx, err)
			}
		}
		m.fresh = false
		return Lease[C]{m, m.lease.Add(1)}, nil
	}
}

// unavailable says why there is no connection.
func (p *Pool[C]) unavailable(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, puddle.ErrClosedPool) || p.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() == nil:
		return err
	}
	return fmt.Errorf("pool: %w", ctxerr.Of(ctx))
}

// await makes m ready for a lease, for as long as ctx lets the caller wait. What is ready later goes back
// to the pool. After an error the caller does not have m any more.
func (p *Pool[C]) await(ctx context.Context, m *member[C]) error {
	done := make(chan error)
	go func() { // it has m, and Close waits for that
		err := p.ready(context.WithoutCancel(ctx), m, true)
		select {
		case done <- err:
		case <-ctx.Done():
			p.putBack(m, err)
		case <-p.ctx.Done():
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
	case <-p.ctx.Done():
		return ErrClosed
	}
}

// Conn returns the connection. It must not be used once the lease has ended.
func (l Lease[C]) Conn() (c C) {
	if l.m != nil {
		c = l.m.conn
	}
	return c
}

// Release gives the connection back, or closes it if its method Err says that it is of no more use. As the
// others may then be lost, too, each gets an AUTH before it is next handed out. [Pool.Do] spares them that
// where only the end of a context has closed this one.
func (l Lease[C]) Release() {
	switch {
	case !l.end():
	case l.m.broken():
		l.m.pool.lose(l.m)
	default:
		l.m.place.Release()
		l.m.remind()
	}
}

// Discard closes the connection. Use it when the connection is broken, or when it is in a
// state that the next user must not find, such as subscribed.
func (l Lease[C]) Discard() {
	switch {
	case !l.end():
	case l.m.health == nil || l.m.broken():
		l.m.pool.lose(l.m)
	default:
		l.m.pool.discard(l.m)
	}
}

// drop closes the connection, which says nothing about others.
func (l Lease[C]) drop() {
	if l.end() {
		l.m.pool.discard(l.m)
	}
}

// end reports whether it was this call that ended the lease.
func (l Lease[C]) end() bool { return l.m != nil && l.m.lease.CompareAndSwap(l.n, l.n+1) }
