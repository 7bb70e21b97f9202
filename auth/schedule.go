package auth

import "time"

// When to ask Entra ID, as functions of what is known, without clock or state.
// The figures fit azidentity, which answers from its own cache while five
// minutes or more remain, and asks Entra ID each time when less does.

const (
	// maxMargin keeps the first question just inside those last five minutes.
	maxMargin = 5*time.Minute - time.Second
	// maxSleep bounds how long the refresher trusts its timer, which stands
	// still while a virtual machine or a laptop sleeps; expiry does not.
	maxSleep = time.Minute
	// maxRetryAfter bounds what a Retry-After header may ask for.
	maxRetryAfter = 5 * time.Minute
	// rejectedPace is the least time between two questions while Entra ID rejects them.
	rejectedPace = 10 * time.Second
)

// margin returns how long before its expiry a token of this life is to be
// replaced. want is Options.RefreshMargin; half the life is the most there is.
func margin(want, life time.Duration) time.Duration {
	if want == 0 {
		want = maxMargin
	}
	return min(want, life/2)
}

// pace is the least time between two questions: one second, less for tokens
// that live only seconds.
func pace(life time.Duration) time.Duration {
	return max(min(time.Second, life/4), 100*time.Millisecond)
}

// firstAsk returns when to ask for the successor of c: within the first fifth of
// the margin, or when refreshOn suggests, if that is earlier and not zero, though
// not in the first quarter of the life, lest odd suggestions make a loop. r in [0, 1)
// spreads the processes of a fleet.
func firstAsk(c Credentials, refreshOn time.Time, want time.Duration, r float64) time.Time {
	life := c.ExpiresAt.Sub(c.IssuedAt)
	m := margin(want, life)
	at := c.ExpiresAt.Add(part(m, 0.2*r) - m)
	if early := later(refreshOn.Add(part(m, 0.2*r)), c.IssuedAt.Add(life/4)); !refreshOn.IsZero() && early.Before(at) {
		at = early
	}
	return later(at, c.IssuedAt.Add(pace(life)))
}

// until returns how long it is from now until t. Either clock may say that t has come: the
// monotonic one stands still while a machine sleeps, and the wall clock may be set back.
func until(t, now time.Time) time.Duration {
	return min(t.Sub(now), t.Round(0).Sub(now.Round(0)))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// outcome is how a question ended.
type outcome int

const (
	renewed   outcome = iota // another token
	unchanged                // the token that is already held
	failed                   // an error that may go away by itself
	rejected                 // an error that somebody has to mend
)

// retryWait returns how long to wait after a question that brought no new token.
// backoff is the next step of an exponential backoff, remaining and life are the
// held token's (both zero without one), and retryAfter is what the server asked for.
// While a token is held, neither a rejection, which may be mended any minute, nor the
// server may make the wait so long that no time would be left for another question.
func retryWait(o outcome, backoff, remaining, life, retryAfter time.Duration) time.Duration {
	wait, retryAfter := backoff, min(retryAfter, maxRetryAfter)
	if remaining > 0 {
		wait, retryAfter = min(wait, life/2), min(retryAfter, remaining/2)
		switch o {
		case unchanged:
			wait = max(wait, remaining/8)
		case rejected:
			wait = min(wait, max(rejectedPace, remaining/4))
		}
	}
	return max(wait, retryAfter, pace(life))
}

// part returns the fraction f of d.
func part(d time.Duration, f float64) time.Duration { return time.Duration(float64(d) * f) }
