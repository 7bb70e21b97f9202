package testutil

import (
	"net/http"
	"time"
)

// settings are what the setters set.
type settings struct {
	lifetime, refreshIn, delay time.Duration
	brokenJSON, sameToken      bool
	failure                    Failure
	failing                    bool
	hang                       chan struct{} // closed to let requests go on; nil: none hangs
}

// Failure is how [Entra] fails token requests.
type Failure struct {
	Status     int           // the HTTP status; default 503
	Code       string        // the OAuth error; default temporarily_unavailable
	RetryAfter time.Duration // sent in whole seconds; 0: not sent
	Drop       bool          // close the connection without an answer instead
	Count      int           // how many requests fail; 0: all until Recover
}

// SetLifetime sets how long new tokens live. Entra ID speaks of lifetimes in whole
// seconds, so use whole seconds, at least one.
func (e *Entra) SetLifetime(d time.Duration) { e.change(func(s *settings) { s.lifetime = d }) }

// SetRefreshIn sets the refresh_in of new tokens; 0, the default, leaves it out.
func (e *Entra) SetRefreshIn(d time.Duration) { e.change(func(s *settings) { s.refreshIn = d }) }

// SetDelay sets how long token requests take.
func (e *Entra) SetDelay(d time.Duration) { e.change(func(s *settings) { s.delay = d }) }

// SetBrokenJSON makes good answers stop in their middle, behind the access token.
func (e *Entra) SetBrokenJSON(on bool) { e.change(func(s *settings) { s.brokenJSON = on }) }

// SetSameToken makes Entra repeat a principal's last token while that is valid.
func (e *Entra) SetSameToken(on bool) { e.change(func(s *settings) { s.sameToken = on }) }

// Fail makes token requests fail.
func (e *Entra) Fail(f Failure) {
	if f.Status == 0 {
		f.Status = http.StatusServiceUnavailable
	}
	if f.Code == "" {
		f.Code = "temporarily_unavailable"
	}
	e.change(func(s *settings) { s.failure, s.failing = f, true })
}

// Hang makes token requests wait until Recover, or until the client goes away.
func (e *Entra) Hang() {
	e.change(func(s *settings) {
		if s.hang == nil {
			s.hang = make(chan struct{})
		}
	})
}

// Recover ends what Fail and Hang began.
func (e *Entra) Recover() {
	e.change(func(s *settings) {
		s.failing = false
		if s.hang != nil {
			close(s.hang)
			s.hang = nil
		}
	})
}

func (e *Entra) change(f func(*settings)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(&e.set)
}
