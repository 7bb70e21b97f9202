package retry

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/redisentra/redisentra/auth"
)

// Policy says how often, when and after which errors an operation is tried again. The
// zero value of each field is its default. A Policy is a value that may be shared; its functions
// are called by whichever goroutines use it.
type Policy struct {
	// MaxAttempts is how often the operation runs at most, the first time included. 1 tries
	// nothing again. Default: 3, as in
	// https://learn.microsoft.com/azure/azure-cache-for-redis/cache-azure-active-directory-for-authentication
	MaxAttempts int

	// InitialInterval is the wait before the second attempt, give or take Jitter.
	// Default: 100ms, or MaxInterval if that is less.
	InitialInterval time.Duration

	// MaxInterval is what the waits grow to; Jitter comes on top of it. Less than
	// InitialInterval: an error. Default: 5s, or InitialInterval if that is more.
	MaxInterval time.Duration

	// Multiplier is how many times as long as the wait before it each wait is. Less than 1: an
	// error. Default: 2.
	Multiplier float64

	// Jitter is the random part of each wait: with 0.5 a wait of 100ms is one of 50 to 150ms. Many
	// clients that lose their connections at the same moment come back spread by it. From 0 to
	// 1; as 0 is the default, use 1e-9 for none. Default: 0.5.
	Jitter float64

	// MaxElapsed bounds the whole: that long after the beginning no attempt is started any more, and
	// a wait that would end then is not begun. It does not interrupt an attempt; a ctx does
	// that. Default: no limit.
	MaxElapsed time.Duration

	// Classify says what an error of the operation means. Any other value than
	// ConnectionLost, AuthFailed and Busy counts as Permanent. Default: [Classify].
	Classify func(error) Class

	// Refresh is called after the wait, before an AuthFailed is tried again: usually the method
	// of an [auth.TokenSource]. Its error does not keep the operation from being tried, because the
	// token that is held may be good, and only its access policy assignment on its way; it becomes
	// a part of the final error. Its ctx ends with MaxElapsed. Default: nothing is called.
	Refresh func(context.Context) error

	// OnRetry is told of each attempt that is to be tried again, before the wait, which it
	// prolongs. Default: nothing is told.
	OnRetry func(Attempt)
}

// Attempt tells of a failed attempt that is tried again.
type Attempt struct {
	Number  int           // 1 is the first
	Err     error         // what the operation returned
	Class   Class         // what that means
	Wait    time.Duration // how long until the next attempt, Refresh not counted
	Elapsed time.Duration // since the beginning of the first attempt
}

// withDefaults returns a checked copy of p, with the defaults filled in.
func (p Policy) withDefaults() (Policy, error) {
	refuse := func(field, format string, args ...any) (Policy, error) {
		return p, &auth.ConfigError{Field: "retry.Policy." + field, Problem: fmt.Sprintf(format, args...)}
	}
	switch {
	case p.MaxAttempts < 0:
		return refuse("MaxAttempts", "%d is negative; leave it 0 for the default, 3", p.MaxAttempts)
	case p.InitialInterval < 0:
		return refuse("InitialInterval", "%v is negative; leave it 0 for the default, 100ms", p.InitialInterval)
	case p.MaxInterval < 0:
		return refuse("MaxInterval", "%v is negative; leave it 0 for the default, 5s", p.MaxInterval)
	case p.MaxInterval > 0 && p.MaxInterval < p.InitialInterval:
		return refuse("MaxInterval", "%v is less than InitialInterval, %v; the waits grow from that to this", p.MaxInterval, p.InitialInterval)
	case p.Multiplier != 0 && !(p.Multiplier >= 1) || math.IsInf(p.Multiplier, 1):
		return refuse("Multiplier", "%v is no number of 1 or more; leave it 0 for the default, 2", p.Multiplier)
	case !(p.Jitter >= 0 && p.Jitter <= 1):
		return refuse("Jitter", "%v does not lie in [0, 1]; leave it 0 for the default, 0.5", p.Jitter)
	case p.MaxElapsed < 0:
		return refuse("MaxElapsed", "%v is negative; leave it 0 for no limit", p.MaxElapsed)
	}
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 3
	}
	if p.InitialInterval == 0 {
		p.InitialInterval = 100 * time.Millisecond
		if p.MaxInterval > 0 {
			p.InitialInterval = min(p.InitialInterval, p.MaxInterval)
		}
	}
	if p.MaxInterval == 0 {
		p.MaxInterval = max(5*time.Second, p.InitialInterval)
	}
	if p.Multiplier == 0 {
		p.Multiplier = 2
	}
	if p.Jitter == 0 {
		p.Jitter = 0.5
	}
	return p, nil
}

// waits are the intervals of a policy, one after the other.
type waits struct{ *backoff.ExponentialBackOff }

// waits returns the intervals of p, which must have its defaults. Their end is none of
// their business.
func (p *Policy) waits() waits {
	return waits{backoff.NewExponentialBackOff(backoff.WithInitialInterval(p.InitialInterval), backoff.WithMaxInterval(p.MaxInterval),
		backoff.WithMultiplier(p.Multiplier), backoff.WithRandomizationFactor(p.Jitter), backoff.WithMaxElapsedTime(0))}
}

// next returns the next interval.
func (w waits) next() time.Duration {
	if d := w.NextBackOff(); d >= 0 {
		return d
	}
	return math.MaxInt64 // Jitter on top of centuries overflows
}
