package pool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/redact"
	"github.com/redisentra/redisentra/retry"
)

const never = math.MaxInt64

// clock returns how much later it is than when the pool began, by the wall clock, which is that of the tokens. Each
// checkout asks for it: the monotonic clock, set right every minute, takes half the time.
func (p *Pool[C]) clock() time.Duration { return time.Since(p.born) + time.Duration(p.skew.Load()) }

func (p *Pool[C]) setClock() {
	now := time.Now()
	p.skew.Store(int64(p.until(now) - now.Sub(p.born)))
}

// until returns what clock returns at t; the zero time is never.
func (p *Pool[C]) until(t time.Time) time.Duration {
	if t.IsZero() {
		return never
	}
	return t.Round(0).Sub(p.born.Round(0))
}

// member is a place in the pool, and the connection that has it. Without a word about it a field
// belongs to whoever has acquired place.
type member[C Conn] struct {
	pool  *Pool[C]
	place *puddle.Resource[*member[C]]

	conn   C
	health interface{ Err() error } // conn, if it has that
	fresh  bool                     // nobody has had it
	creds  auth.Credentials         // what conn is logged in with
	due    time.Duration            // from here on newer ones are asked for at each checkout
	opened time.Duration            // when conn was
	ends   time.Duration            // conn's lifetime
	losses uint64                   // of the pool, when the server last answered an AUTH

	lease atomic.Uint64 // see leased; may be read and ended by anyone
	wake  atomic.Int64  // by clock: when to look after conn if it is idle; may be read by anyone
	late  atomic.Bool   // wake has passed while place was acquired; may be set by anyone
}

// construct opens the connection of a new place.
func (p *Pool[C]) construct(ctx context.Context) (*member[C], error) {
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
	_ = m.conn.Close()
}

// open puts a new connection into m. It takes DialTimeout at most, whatever Dial does.
func (p *Pool[C]) open(ctx context.Context, m *member[C]) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.DialTimeout, fmt.Errorf("no connection within %v: %w", p.cfg.DialTimeout, os.ErrDeadlineExceeded))
	defer cancel()
	losses := p.losses.Load()
	done := make(chan func() error)
	go func() {
		conn, creds, err := p.dial(ctx)
		select {
		case done <- func() error {
			if err == nil {
				p.opened.Add(1)
				m.hold(conn, creds, losses)
			}
			return err
		}:
		case <-ctx.Done():
			if err == nil {
				_ = conn.Close()
			}
		}
	}()
	select {
	case take := <-done:
		if err := take(); err == nil || ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
	}
	return fmt.Errorf("pool: %w", context.Cause(ctx))
}

// dial opens a connection and logs it in.
func (p *Pool[C]) dial(ctx context.Context) (conn C, creds auth.Credentials, err error) {
	if creds, err = p.source.Credentials(ctx); err != nil {
		return conn, creds, fmt.Errorf("pool: credentials: %w", err)
	}
	if conn, err = p.cfg.Dial(ctx); err != nil {
		return conn, creds, fmt.Errorf("pool: dial: %w", err)
	}
	if err = login(ctx, conn, creds); err != nil {
		_ = conn.Close()
		return conn, creds, fmt.Errorf("pool: login: %w", err)
	}
	return conn, creds, nil
}

// login sends AUTH. A connection that has not answered when ctx ends is closed.
func login(ctx context.Context, conn Conn, creds auth.Credentials) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err := conn.Auth(ctx, creds.Username, creds.Password)
	if !stop() {
		return context.Cause(ctx)
	}
	if err != nil && creds.Password != "" && strings.Contains(err.Error(), creds.Password) {
		return errors.New(strings.ReplaceAll(err.Error(), creds.Password, redact.Mark))
	}
	return err
}

// hold makes conn the connection of m.
func (m *member[C]) hold(conn C, creds auth.Credentials, losses uint64) {
	m.conn, m.fresh, m.opened, m.ends = conn, true, m.pool.clock(), never
	m.health, _ = any(conn).(interface{ Err() error })
	if life := m.pool.cfg.MaxLifetime; life > 0 {
		m.ends = m.opened + life - rand.N(life/10+1)
	}
	m.loggedIn(creds, losses)
}

// loggedIn notes what the server has accepted.
func (m *member[C]) loggedIn(creds auth.Credentials, losses uint64) {
	now := time.Now()
	m.creds, m.losses = creds, losses
	due := creds.ReauthAt(creds.IssuedAt) // which may be over
	m.due = min(m.pool.until(due), m.ends)
	if !due.After(now) {
		due = creds.ReauthAt(now)
	}
	m.wakeAt(due)
}

// wakeAt makes the pool look after m at t at the latest.
func (m *member[C]) wakeAt(t time.Time) {
	wake := min(m.pool.until(t), m.ends)
	if idle := m.pool.cfg.MaxIdleTime; idle > 0 {
		wake = min(wake, m.pool.clock()+idle-m.idle())
	}
	m.wake.Store(int64(wake))
	m.pool.plan()
}

// idle returns for how long nobody has used m's connection.
func (m *member[C]) idle() time.Duration {
	idle := m.pool.clock() - m.opened
	if m.place != nil {
		idle = min(idle, m.place.IdleDuration())
	}
	return idle
}

// outlived reports whether m's connection is too old, or was idle for too long.
func (m *member[C]) outlived() bool {
	limit := m.pool.cfg.MaxIdleTime
	return m.pool.clock() >= m.ends || limit > 0 && m.idle() >= limit
}

func (m *member[C]) broken() bool { return m.health != nil && m.health.Err() != nil }

// newest returns the credentials for m's connection, and whether it needs an AUTH: because they are newer than its
// own, or because another connection was lost since the server last answered on this one. An
// error says that its own have expired, and that there are no others.
func (p *Pool[C]) newest(ctx context.Context, m *member[C]) (creds auth.Credentials, stale bool, err error) {
	creds, err = p.source.Credentials(ctx)
	if err != nil {
		if !m.creds.ValidAt(time.Now()) {
			return creds, false, fmt.Errorf("pool: credentials: %w", err)
		}
		creds = m.creds
	}
	return creds, creds.Password != m.creds.Password || m.losses != p.losses.Load(), nil
}

// renew logs m's connection in with creds. If that fails, a new connection takes its place. After an error m
// is of no more use.
func (p *Pool[C]) renew(m *member[C], creds auth.Credentials) error {
	losses := p.losses.Load()
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.cfg.DialTimeout, fmt.Errorf("no answer to AUTH within %v: %w", p.cfg.DialTimeout, os.ErrDeadlineExceeded))
	defer cancel()
	err := login(ctx, m.conn, creds)
	if err == nil {
		p.reauths.Add(1)
		m.loggedIn(creds, losses)
		return nil
	}
	p.failedReauths.Add(1)
	old := m.conn
	opened := p.open(p.ctx, m)
	switch now := time.Now(); {
	case opened == nil:
		p.discarded.Add(1)
		_ = old.Close()
	case retry.Classify(err) == retry.AuthFailed && !m.broken() && m.creds.ValidAt(now):
		// The server refuses even new connections, while this one is still logged in.
		next := m.creds.ReauthAt(now)
		m.due, m.losses = min(m.pool.until(next), m.ends), losses
		m.wakeAt(next)
		return nil
	}
	return opened
}

// putBack returns m to the pool after renew, without a lease in between.
func (p *Pool[C]) putBack(m *member[C], err error) {
	if err != nil {
		p.discard(m)
		return
	}
	m.place.ReleaseUnused()
	m.remind()
}

// release returns m to the pool after a lease.
func (m *member[C]) release() {
	m.place.Release()
	m.remind()
}

// remind makes the pool look after m, if it could not when it was time.
func (m *member[C]) remind() {
	if m.late.Load() {
		m.late.Store(false)
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
