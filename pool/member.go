package pool

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/redisentra/redisentra/auth"
)

// member is a place in the pool, and the connection that has it. Without a word about it a field
// belongs to whoever has acquired place.
type member[C Conn] struct {
	pool  *Pool[C]
	place *puddle.Resource[*member[C]]

	conn   C
	health interface{ Err() error } // conn, if it has that
	fresh  bool                     // nobody has had it
	opened time.Time                // when conn was
	ends   time.Time                // conn's lifetime; zero: never
	creds  auth.Credentials         // what conn is logged in with
	due    time.Time                // when to ask for newer ones; zero: never
	near   bool                     // due is over: they are asked for at each checkout
	losses uint64                   // of the pool, when the server last answered an AUTH

	lease atomic.Uint64 // see leased; may be read and ended by anyone
	wake  atomic.Int64  // when to look after conn, in nanoseconds since 1970; may be read by anyone
	late  atomic.Bool   // wake is over, and nobody has looked after conn yet; set by sweep
}

var (
	// errIdle tells Acquire that it need not have opened a connection.
	errIdle = errors.New("pool: there is an idle connection")
	// errOutlived says why an idle connection is closed.
	errOutlived = errors.New("pool: the connection is too old, or was idle for too long")
)

// hasWaited in a context says that errIdle is not to come again.
type hasWaited struct{}

// construct opens the connection of a new place.
func (p *Pool[C]) construct(ctx context.Context) (*member[C], error) {
	if sorted := p.sorting.Load(); sorted != nil {
		<-*sorted
	}
	if ctx.Value(hasWaited{}) == nil && p.places.Stat().IdleResources() > 0 {
		return nil, errIdle // sweep had it
	}
	m := &member[C]{pool: p}
	if err := p.open(ctx, m); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.members[m] = struct{}{}
	p.mu.Unlock()
	p.plan()
	return m, nil
}

// destruct is called for a place that is given up.
func (p *Pool[C]) destruct(m *member[C]) {
	p.mu.Lock()
	delete(p.members, m)
	p.mu.Unlock()
	p.shut(m.conn)
}

// hold makes conn the connection of m.
func (m *member[C]) hold(conn C, creds auth.Credentials, losses uint64) {
	m.conn, m.fresh, m.opened, m.ends = conn, true, time.Now(), time.Time{}
	m.health, _ = any(conn).(interface{ Err() error })
	if life := m.pool.cfg.MaxLifetime; life > 0 {
		m.ends = m.opened.Add(life - rand.N(life/10+1))
	}
	m.loggedIn(creds, losses)
}

// loggedIn notes what the server has accepted.
func (m *member[C]) loggedIn(creds auth.Credentials, losses uint64) {
	now := time.Now().Round(0)
	m.creds, m.losses = creds, losses
	m.due = creds.ReauthAt(creds.IssuedAt)
	m.near = false
	m.lookedAfter(now)
}

// lookedAfter says that m needs nothing at now, and when it will.
func (m *member[C]) lookedAfter(now time.Time) {
	next := m.due
	if !next.IsZero() && !next.After(now) {
		m.near = true
		next = m.creds.ReauthAt(now)
	}
	wake := int64(math.MaxInt64)
	sooner := func(t time.Time) {
		if !t.IsZero() {
			wake = min(wake, t.UnixNano())
		}
	}
	sooner(next)
	sooner(m.ends)
	if limit := m.pool.cfg.MaxIdleTime; limit > 0 {
		sooner(now.Add(limit - m.idle()))
	}
	m.wake.Store(wake)
	m.late.Store(false)
	m.pool.plan()
}

// idle returns for how long nobody has used m's connection.
func (m *member[C]) idle() time.Duration {
	idle := time.Since(m.opened)
	if m.place != nil {
		idle = min(idle, m.place.IdleDuration())
	}
	return idle
}

// outlived reports whether m's connection is too old, or was idle for too long.
func (m *member[C]) outlived(now time.Time) bool {
	limit := m.pool.cfg.MaxIdleTime
	return !m.ends.IsZero() && !now.Before(m.ends) || limit > 0 && m.idle() >= limit
}

func (m *member[C]) broken() bool { return m.health != nil && m.health.Err() != nil }

// putBack returns m to the pool without a lease in between. err is that of ready.
func (p *Pool[C]) putBack(m *member[C], err error) {
	if err != nil {
		p.discard(m)
		return
	}
	m.place.ReleaseUnused()
	m.remind()
}

// remind makes sweep look after m, if it could not when it was time.
func (m *member[C]) remind() {
	if m.late.Load() {
		m.pool.overdue.Store(true)
		m.pool.plan()
	}
}

// discard gives m's place up.
func (p *Pool[C]) discard(m *member[C]) {
	p.discarded.Add(1)
	m.place.Destroy()
}

// lose discards m, whose connection has been lost. The others may be lost as well, without
// anyone knowing yet: each gets an AUTH before it is next handed out.
func (p *Pool[C]) lose(m *member[C]) {
	p.losses.Add(1)
	p.discard(m)
}
