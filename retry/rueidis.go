package retry

import (
	"errors"
	"time"

	"github.com/redis/rueidis"
)

// RueidisDelay returns p as a rueidis.ClientOption.RetryDelay. rueidis tries commands again by
// itself, though only those that change nothing, and those that were marked with ToRetryable. Its own
// delays are a second at most, and go on until the ctx of the command ends, or for ever. With p it
// gives a command up after p.MaxAttempts, with the error of the last one, which is no [*Error].
//
// What may be tried again stays for rueidis to say: of error replies it is LOADING, and in a
// cluster TRYAGAIN and CLUSTERDOWN as well. An error of which [Classify] knows that it is
// Permanent, such as a certificate that does not verify, ends the tries, too, but not
// rueidis.ErrClosing: rueidis asks only while the client is open, and then it was the connection to a node
// that has left the cluster. Errors that Classify does not know are tried again. A p.Classify of your own
// is asked instead, and its Permanent ends the tries.
//
// p.MaxElapsed bounds the sum of the waits, at their longest, as rueidis does not tell when a
// command began. p.Refresh and p.OnRetry are not called.
//
// It panics with an [*auth.ConfigError] if p cannot work: that is a mistake in the program.
func RueidisDelay(p Policy) func(attempts int, cmd rueidis.Completed, err error) time.Duration {
	p, err := p.withDefaults()
	if err != nil {
		panic(err)
	}
	even := p
	even.Jitter = 0
	const stop = -1 // as any negative delay
	return func(attempts int, _ rueidis.Completed, err error) time.Duration {
		// attempts is the number of those made: 1 before the second one.
		if attempts >= p.MaxAttempts || p.stops(err) {
			return stop
		}
		steps, intervals := p.waits(), even.waits()
		var wait time.Duration
		var longest float64 // that all waits can be in sum
		for range attempts {
			wait = steps.next()
			longest += (1 + p.Jitter) * float64(intervals.next())
		}
		if p.MaxElapsed > 0 && longest >= float64(p.MaxElapsed) {
			return stop
		}
		return wait
	}
}

// stops reports whether rueidis should not try again what it would.
func (p *Policy) stops(err error) bool {
	if p.Classify != nil {
		switch p.Classify(err) {
		case ConnectionLost, AuthFailed, Busy:
			return false
		}
		return true
	}
	c, known := judge(err)
	return known && c == Permanent && !errors.Is(err, rueidis.ErrClosing)
}
