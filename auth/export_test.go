package auth

import "time"

// The pure functions behind the schedule, for tables.
var (
	Margin    = margin
	FirstAsk  = firstAsk
	RetryWait = retryWait
	ObjectID  = objectID
)

type Outcome = outcome

const (
	OutcomeUnchanged = unchanged
	OutcomeFailed    = failed
	OutcomeRejected  = rejected
)

func ReauthAt(c Credentials, now time.Time, r float64) time.Time { return c.reauthAt(now, r) }
