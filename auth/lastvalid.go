package auth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	// patience is how long a caller waits for a Source while older credentials are
	// still valid. It is far below any dial's deadline.
	patience = 100 * time.Millisecond
	// callTimeout bounds one call of a Source.
	callTimeout = 10 * time.Second
)

// errTimeout wraps what package net's time-outs do, lest it look like the end of a caller's ctx.
var errTimeout = fmt.Errorf("auth: the source did not answer within %v: %w", callTimeout, os.ErrDeadlineExceeded)

// LastValid returns a Source that gives src's credentials, and the last ones that
// are still valid while src fails, hangs (even ignoring its ctx) or returns
// expired ones. While it holds valid ones it answers within 100 ms. Credentials without
// IssuedAt, or with one that is not before ExpiresAt, get the time when they first came; and a
// password that lives on, with another expiry, gets the time when that first came.
//
// The packages that log connections in use it for any Source that they are given; a
// [*TokenSource] needs no such care, and is returned as it is, like what LastValid returned.
func LastValid(src Source) Source {
	switch src.(type) {
	case *TokenSource, *lastValid:
		return src
	}
	return &lastValid{src: src, limit: newLimiter(), last: &Credentials{}}
}

type lastValid struct {
	src   Source
	limit *limiter

	mu     sync.Mutex   // guards what follows; never held during a call
	last   *Credentials // of the last good call
	until  time.Time    // the expiry with which last's IssuedAt was found
	flight *flight      // the call under way; nil: none
}

// flight is one call of the Source that callers share.
type flight struct {
	begun time.Time
	done  chan struct{}
	c     Credentials // set, like err, before done is closed
	err   error
}

func (l *lastValid) Credentials(ctx context.Context) (Credentials, error) {
	l.mu.Lock()
	if l.flight == nil {
		l.flight = &flight{begun: time.Now(), done: make(chan struct{})}
		go l.fly(context.WithoutCancel(ctx), l.flight)
	}
	f, last := l.flight, *l.last
	l.mu.Unlock()

	if last.ValidAt(time.Now()) {
		t := time.NewTimer(patience - time.Since(f.begun))
		defer t.Stop()
		select {
		case <-f.done:
			if f.err == nil {
				return f.c, nil
			}
		case <-t.C:
		case <-ctx.Done():
		}
		return last, nil
	}
	select {
	case <-f.done:
		return f.c, f.err
	case <-ctx.Done():
		return Credentials{}, context.Cause(ctx)
	}
}

// Format implements [fmt.Formatter]: no verb shows what is held, or the Source.
func (l *lastValid) Format(f fmt.State, _ rune) { fmt.Fprint(f, "auth.LastValid") }

// fly calls the Source for everybody who waits on f.
func (l *lastValid) fly(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, errTimeout)
	defer cancel()
	f.c, f.err = call(ctx, l.limit, l.src.Credentials)
	now := time.Now().Round(0)
	switch {
	case f.err != nil:
		f.err = notCallers(ctx, f.err)
	case f.c.Password == "":
		f.c, f.err = Credentials{}, unusable("the source returned an empty password", "without one there is nothing to log in with")
	case !f.c.ValidAt(now):
		f.c, f.err = Credentials{}, unusable("the source returned credentials that have expired", "a Source must never do that; "+hintClock)
	}
	l.mu.Lock()
	if f.err == nil {
		f.c.ExpiresAt = f.c.ExpiresAt.Round(0) // the wall clock decides, also after the machine has slept
		f.c.IssuedAt = l.issued(f.c, now)
		c := f.c
		l.last = &c
	}
	l.flight = nil
	l.mu.Unlock()
	close(f.done)
}

// notCallers returns err, of a call under ctx, without the deadline in it: that was no caller's, and who
// finds it would take its own ctx for ended.
func notCallers(ctx context.Context, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	timeout := context.Cause(ctx)
	if timeout == nil {
		timeout = fmt.Errorf("auth: the source did not answer in time: %w", os.ErrDeadlineExceeded)
	}
	if err == context.DeadlineExceeded {
		return timeout
	}
	return fmt.Errorf("%w: %v", timeout, err)
}

// issued returns the IssuedAt of c, which have come at now. It must be called with l.mu held.
func (l *lastValid) issued(c Credentials, now time.Time) time.Time {
	same := c.Password == l.last.Password
	if same && c.ExpiresAt.Sub(l.until).Abs() <= time.Second { // by which rounding may move it
		return l.last.IssuedAt
	}
	l.until = c.ExpiresAt
	// An expiry that moves must not make the life grow for ever: with that grows what counts as news of it.
	if same || c.IssuedAt.IsZero() || !c.ExpiresAt.IsZero() && !c.IssuedAt.Before(c.ExpiresAt) {
		return now
	}
	return c.IssuedAt
}
