package auth

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// refresher is the goroutine of a [TokenSource]: it decides when to ask, and what
// to make of the answer. Its fields are its own.
type refresher struct {
	s      *TokenSource
	next   time.Time                   // when to ask, by the wall clock and the monotonic one
	rule   time.Time                   // when the held token's age alone says to ask
	passes *backoff.ExponentialBackOff // for errors that may pass
	stays  *backoff.ExponentialBackOff // for errors that somebody has to mend
}

// first asks until there is a token. An error that will not pass, or ctx's end, ends it.
func (r *refresher) first(ctx context.Context) error {
	r.restart(0)
	var last *TokenError
	for {
		err := r.attempt(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() == nil && !err.Temporary():
			return err
		case ctx.Err() == nil:
			last = err
			r.sleep(ctx)
		}
		if ctx.Err() != nil {
			if last == nil {
				last = err
			}
			ended := *last // says more than that ctx ended
			ended.cause = errors.Join(context.Cause(ctx), last.cause)
			return &ended
		}
	}
}

// run asks whenever it is time, until ctx ends.
func (r *refresher) run(ctx context.Context) {
	defer close(r.s.closed)
	defer r.s.held.Store(&snapshot{})
	for {
		r.sleep(ctx)
		if ctx.Err() != nil {
			return
		}
		_ = r.attempt(ctx) // told to Stats, OnRefresh and the logger
	}
}

// sleep waits until r.next, a wish for an attempt, or ctx's end.
func (r *refresher) sleep(ctx context.Context) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		wait := until(r.next, time.Now())
		if wait <= 0 {
			return
		}
		t.Reset(min(wait, maxSleep))
		select {
		case <-t.C:
		case <-r.s.wake:
			return
		case <-ctx.Done():
			return
		}
	}
}

// attempt asks once, publishes what is new, plans the next attempt and tells of it.
func (r *refresher) attempt(ctx context.Context) *TokenError {
	s := r.s
	s.mu.Lock()
	s.underway = true
	select {
	case <-s.wake: // this attempt is what was wished for
	default:
	}
	s.mu.Unlock()

	begun := time.Now()
	c, refreshOn, err := s.ask(ctx)
	took := time.Since(begun)
	if context.Cause(ctx) == errClosing {
		return nil
	}
	var failure *TokenError
	errors.As(err, &failure)

	held := s.held.Load().Credentials
	o, news := renewed, false
	switch {
	case failure == nil && c.Password != held.Password:
		s.publish(c)
		held, news = c, true
	case failure == nil && r.prolongs(c, held):
		// As if it were another one, lest its life, and with that each figure made of it, grows for ever.
		held.IssuedAt, held.ExpiresAt = c.IssuedAt, c.ExpiresAt
		s.publish(held)
	case failure == nil:
		o = unchanged
	case failure.Kind == Unavailable, failure.Kind == UnusableToken:
		o = failed
	default:
		o = rejected
	}
	earliest := r.plan(o, held, refreshOn, failure)
	r.report(news, held, failure, took, earliest)
	return failure
}

// prolongs reports whether the held token comes with a later expiry, as opaque ones may
// have, and not one that only rounding has moved: it must not be due again right now.
func (r *refresher) prolongs(c, held Credentials) bool {
	if !c.ExpiresAt.After(held.ExpiresAt) {
		return false
	}
	held.ExpiresAt = c.ExpiresAt
	return firstAsk(held, time.Time{}, r.s.opts.RefreshMargin, 0).After(time.Now().Round(0))
}

// plan sets when to ask next, which whatever came is no sooner than the pace allows, and returns before
// when nobody may ask sooner.
func (r *refresher) plan(o outcome, held Credentials, refreshOn time.Time, failure *TokenError) (earliest time.Time) {
	now := time.Now()
	wall := now.Round(0)
	life := held.ExpiresAt.Sub(held.IssuedAt)
	at := func(t time.Time) time.Time { return now.Add(t.Sub(wall)) } // with both clocks
	soonest := now.Add(pace(life))
	if o == renewed {
		r.restart(life)
		spread := rand.Float64()
		r.rule = at(firstAsk(held, time.Time{}, r.s.opts.RefreshMargin, spread))
		r.next = later(at(firstAsk(held, refreshOn, r.s.opts.RefreshMargin, spread)), soonest)
		return soonest
	}
	steps, floor, asked := r.passes, pace(life), time.Duration(0)
	if o == rejected {
		steps, floor = r.stays, rejectedPace
	}
	if failure != nil {
		asked = failure.retryAfter
		floor = max(floor, asked)
	}
	// An early question that brought nothing new is not repeated.
	if until(r.rule, now) > 0 {
		r.next = later(r.rule, soonest)
		return now.Add(floor)
	}
	wait := retryWait(o, steps.NextBackOff(), held.ExpiresAt.Sub(wall), life, asked)
	r.next = now.Add(wait)
	return now.Add(min(floor, wait))
}

// restart makes the backoffs begin anew, for a token of this life; 0: none.
func (r *refresher) restart(life time.Duration) {
	first, most := time.Second, 30*time.Second
	if life > 0 {
		first = max(min(first, life/10), 100*time.Millisecond)
	}
	exponential := func(first, most time.Duration) *backoff.ExponentialBackOff {
		return backoff.NewExponentialBackOff(backoff.WithInitialInterval(first), backoff.WithMaxInterval(most),
			backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.5), backoff.WithMaxElapsedTime(0))
	}
	r.passes = exponential(first, most)
	r.stays = exponential(2*time.Minute, 200*time.Second) // with the jitter, 1 to 5 minutes
}

// report ends the attempt for those who wait for it, and tells of it.
func (r *refresher) report(news bool, held Credentials, failure *TokenError, took time.Duration, earliest time.Time) {
	s := r.s
	var err error
	if failure != nil {
		err = failure
	}
	s.mu.Lock()
	a := s.current
	a.err = err
	s.current, s.underway = &attempt{done: make(chan struct{})}, false
	s.earliest, s.last, s.telling = earliest, err, s.opts.OnRefresh != nil
	if failure == nil {
		s.stats.Refreshes++
	} else {
		s.stats.Failures++
	}
	s.stats.LastError, s.stats.ExpiresAt, s.stats.NextRefresh = err, held.ExpiresAt, r.next
	s.mu.Unlock()
	close(a.done)

	switch {
	case failure != nil:
		s.opts.Logger.Warn("redisentra: no new token", "error", failure.Error(), "expires", held.ExpiresAt, "next", r.next)
	case news:
		s.opts.Logger.Info("redisentra: new token", "username", held.Username, "expires", held.ExpiresAt, "next", r.next)
	}
	if s.opts.OnRefresh != nil {
		s.opts.OnRefresh(RefreshEvent{New: news, Err: err, Took: took, ExpiresAt: held.ExpiresAt, Next: r.next})
		s.mu.Lock()
		s.telling = false
		s.mu.Unlock()
	}
}
