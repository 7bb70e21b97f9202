package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/isnil"
	"github.com/redisentra/redisentra/internal/redact"
	"github.com/redisentra/redisentra/retry"
)

// ready does what m's connection needs before it is handed out, or, if not forUser, while it is idle: an
// AUTH, or another connection in its place. After an error m is of no more use.
func (p *Pool[C]) ready(ctx context.Context, m *member[C], forUser bool) error {
	now := time.Now().Round(0)
	if m.outlived(now) && !(forUser && m.fresh) { // whoever sets a limit in ns is to get connections, too
		if !forUser {
			return errOutlived
		}
		return p.replace(ctx, m)
	}
	switch creds, stale, err := p.newest(ctx, m, now, forUser); {
	case err != nil:
		return err
	case stale:
		if err := p.renew(ctx, m, creds); err != nil {
			return err
		}
	case m.late.Load():
		m.lookedAfter(now)
	}
	if !forUser {
		return nil
	}
	if p.cfg.Check != nil && !(m.fresh && m.idle() < time.Second) {
		conn := m.conn
		if err := p.within(ctx, "no end of Check", func(ctx context.Context) error { return p.cfg.Check(ctx, conn) }); err != nil {
			if err := p.replace(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// newest returns the credentials for m's connection, and whether it needs an AUTH: because they are newer than its
// own, or because another connection was lost since the server last answered on this one. An
// error says that its own have expired, and that there are no others.
func (p *Pool[C]) newest(ctx context.Context, m *member[C], now time.Time, forUser bool) (creds auth.Credentials, stale bool, err error) {
	valid, lost := m.creds.ValidAt(now), m.losses != p.losses.Load()
	m.near = m.near || !m.due.IsZero() && !now.Before(m.due)
	switch {
	case !m.near && !lost:
		return m.creds, false, nil
	case forUser && valid && !lost && p.fruitless.Tokens() < 1: // a source may well be a request to somewhere
		return m.creds, false, nil
	}
	ctx, cancel := p.bound(ctx, "no credentials")
	defer cancel()
	creds, err = p.source.Credentials(ctx)
	switch {
	case err != nil && !valid:
		return creds, false, fmt.Errorf("pool: credentials: %w", err)
	case err != nil:
		return m.creds, lost, nil
	case lost || creds.NewsTo(m.creds):
		return creds, true, nil
	case forUser:
		p.fruitless.Allow()
	}
	return creds, false, nil
}

// renew logs m's connection in with creds. If that fails, a new connection takes its place.
func (p *Pool[C]) renew(ctx context.Context, m *member[C], creds auth.Credentials) error {
	losses, conn := p.losses.Load(), m.conn
	err := p.within(ctx, "no answer to AUTH", func(ctx context.Context) error { return p.login(ctx, conn, creds) })
	if err == nil {
		p.reauths.Add(1)
		m.loggedIn(creds, losses)
		return nil
	}
	p.failedReauths.Add(1)
	replaced := p.replace(ctx, m)
	if now := time.Now().Round(0); replaced != nil && retry.Classify(err) == retry.AuthFailed && !m.broken() && m.creds.ValidAt(now) {
		// The server refuses even new connections, while this one is still logged in.
		m.due, m.near, m.losses = m.creds.ReauthAt(now), false, losses
		m.lookedAfter(now)
		return nil
	}
	return replaced
}

// replace opens a new connection in the place of m's.
func (p *Pool[C]) replace(ctx context.Context, m *member[C]) error {
	old := m.conn
	err := p.open(ctx, m)
	if err == nil {
		p.discarded.Add(1)
		p.shut(old)
	}
	return err
}

// open puts a new connection into m.
func (p *Pool[C]) open(ctx context.Context, m *member[C]) error {
	type opened struct {
		conn  C
		creds auth.Credentials
	}
	losses := p.losses.Load()
	o, err := bounded(ctx, p, "no connection", func(ctx context.Context) (opened, error) {
		conn, creds, err := p.dial(ctx)
		return opened{conn, creds}, err
	}, func(o opened) { p.shut(o.conn) })
	if err == nil {
		p.opened.Add(1)
		m.hold(o.conn, o.creds, losses)
	}
	return err
}

// dial opens a connection and logs it in.
func (p *Pool[C]) dial(ctx context.Context) (conn C, creds auth.Credentials, err error) {
	if creds, err = p.source.Credentials(ctx); err != nil {
		return conn, creds, fmt.Errorf("pool: credentials: %w", err)
	}
	switch conn, err = p.cfg.Dial(ctx); {
	case err != nil:
		return conn, creds, fmt.Errorf("pool: dial: %w", err)
	case isnil.Value(conn):
		return conn, creds, errors.New("pool: dial: Config.Dial returned neither a connection nor an error")
	}
	if err = p.login(ctx, conn, creds); err != nil {
		p.shut(conn)
		return conn, creds, fmt.Errorf("pool: login: %w", err)
	}
	return conn, creds, nil
}

// login sends AUTH. A connection on which that lasts longer than ctx is closed.
func (p *Pool[C]) login(ctx context.Context, conn C, creds auth.Credentials) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		p.shut(conn)
		close(closed)
	})
	err := conn.Auth(ctx, creds.Username, creds.Password)
	if !stop() {
		<-closed
		err = cmp.Or(err, context.Cause(ctx))
	}
	if err == nil {
		return nil
	}
	if text := redact.Reply(err.Error(), creds.Password); text != err.Error() {
		return &concealed{text, retry.Classify(err)}
	}
	return err
}

// concealed stands for an error of a client that held what is secret.
type concealed struct {
	text  string
	class retry.Class
}

func (e *concealed) Error() string { return e.text }

// Unwrap returns something of the same class.
func (e *concealed) Unwrap() error {
	switch e.class {
	case retry.ConnectionLost:
		return net.ErrClosed
	case retry.AuthFailed:
		return errors.New("WRONGPASS")
	case retry.Busy:
		return errors.New("LOADING")
	}
	return nil
}

// shut closes a connection, which nobody waits for: TLS may take seconds to say goodbye.
func (p *Pool[C]) shut(conn C) { p.running.Go(func() { _ = conn.Close() }) }

// bound returns a ctx that ends after DialTimeout or with the pool.
func (p *Pool[C]) bound(ctx context.Context, no string) (context.Context, context.CancelFunc) {
	timeout := p.cfg.DialTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("pool: %s within %v, which is Config.DialTimeout: %w", no, timeout, os.ErrDeadlineExceeded))
	unbind := context.AfterFunc(p.ctx, cancel)
	return ctx, func() { unbind(); cancel() }
}

// bounded runs f, with a ctx that ends after DialTimeout or with the pool, and does not wait for longer even
// if f does not heed that. What f returns later is for late.
func bounded[C Conn, T any](ctx context.Context, p *Pool[C], no string, f func(context.Context) (T, error), late func(T)) (v T, err error) {
	ctx, cancel := p.bound(ctx, no)
	defer cancel()
	type result struct {
		v   T
		err error
	}
	done := make(chan result)
	p.running.Go(func() {
		v, err := f(ctx)
		select {
		case done <- result{v, err}:
		case <-ctx.Done():
			if err == nil {
				late(v)
			}
		}
	})
	select {
	case r := <-done:
		if r.err == nil || ctx.Err() == nil {
			return r.v, r.err
		}
	case <-ctx.Done():
	}
	return v, context.Cause(ctx)
}

// within is [bounded] for what has no result.
func (p *Pool[C]) within(ctx context.Context, no string, f func(context.Context) error) error {
	_, err := bounded(ctx, p, no, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) }, func(struct{}) {})
	return err
}
