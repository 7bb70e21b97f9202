package auth

import "time"

// The pure functions behind the schedule, for tables.
var (
	Margin    = margin
	FirstAsk  = firstAsk
	RetryWait = retryWait
	ObjectID  = objectID
	Until     = until
)

type Outcome = outcome

const (
	OutcomeUnchanged = unchanged
	OutcomeFailed    = failed
	OutcomeRejected  = rejected
)

func ReauthAt(c Credentials, now time.Time, r float64) time.Time { return c.reauthAt(now, r) }

// NextAfterFailure returns when a refresher asks next whose question about a token that is held has failed; the token's
// age alone says to ask at rule.
func NextAfterFailure(held Credentials, rule time.Time) time.Time {
	r := &refresher{s: &TokenSource{}, rule: rule}
	r.restart(held.ExpiresAt.Sub(held.IssuedAt))
	r.plan(failed, held, time.Time{}, &TokenError{})
	return r.next
}
