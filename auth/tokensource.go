// Package auth keeps the credentials of one identity fresh. It knows Entra ID's
// tokens, through any azcore.TokenCredential, and no Redis client: the packages
// beside it, or a few lines of your own, bring the credentials to connections.
package auth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/redisentra/redisentra/internal/isnil"
)

// TokenSource is a [Source] of Entra ID tokens. One goroutine renews the token in
// time and never gives up; callers read the token that is held, without waiting
// for it. Make one per identity, share it, and Close it.
type TokenSource struct {
	cred  azcore.TokenCredential
	opts  Options
	limit *limiter

	held    atomic.Pointer[snapshot]
	cancel  context.CancelFunc
	closing <-chan struct{} // closed when Close has begun
	closed  chan struct{}   // closed when the refresher has ended
	wake    chan struct{}   // holds one wish for an attempt now

	// mu guards what callers and the refresher share about attempts. It is
	// never held while anybody waits.
	mu       sync.Mutex
	current  *attempt  // the attempt under way, or the next one
	underway bool      // current has begun
	telling  bool      // OnRefresh is running; a wish gets the last result instead
	earliest time.Time // before this, a wish gets the last result instead
	last     error     // of the last attempt
	stats    Stats
}

// errClosing is what ends the refresher's context.
var errClosing = errors.New("auth: closing")

// snapshot is what one token is to readers; it never changes.
type snapshot struct {
	Credentials
	until int64 // ExpiresAt in Unix nanoseconds; the wall clock decides
}

// attempt is one question to Entra ID that callers can wait for.
type attempt struct {
	done chan struct{}
	err  error // set before done is closed
}

// Stats are figures of a [TokenSource] since it was made.
type Stats struct {
	Refreshes   uint64    // attempts that brought a usable token, the held one included
	Failures    uint64    // attempts that did not
	LastError   error     // of the last attempt; nil when it was good
	ExpiresAt   time.Time // the held token's expiry
	NextRefresh time.Time // when the next attempt is due
}

// RefreshEvent tells how one attempt to get a token ended.
type RefreshEvent struct {
	New       bool          // another token than before is now held
	Err       error         // a *TokenError, or nil
	Took      time.Duration // how long the credential took
	ExpiresAt time.Time     // the held token's expiry; zero: none is held yet
	Next      time.Time     // when the next attempt is due
}

// NewTokenSource returns a source that holds a usable token of cred. Until it has
// one, it tries again after errors that may pass, for as long as ctx lasts; give ctx
// a deadline. ctx has no effect later. Other errors end it at once.
//
// Errors: a [*ConfigError] for a nil cred or bad opts, a [*TokenError] otherwise; when ctx
// ended, errors.Is finds its cause. nil opts means the defaults.
func NewTokenSource(ctx context.Context, cred azcore.TokenCredential, opts *Options) (*TokenSource, error) {
	if isnil.Value(cred) {
		return nil, &ConfigError{"auth.NewTokenSource: cred", "is nil; was the error of the credential's constructor looked at?"}
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &TokenSource{
		cred: cred, opts: o, limit: newLimiter(),
		closed: make(chan struct{}), wake: make(chan struct{}, 1),
		current: &attempt{done: make(chan struct{})},
	}
	s.held.Store(&snapshot{})
	r := &refresher{s: s}
	if err := r.first(ctx); err != nil {
		return nil, err
	}
	run, cancel := context.WithCancelCause(context.Background())
	s.cancel, s.closing = func() { cancel(errClosing) }, run.Done()
	go r.run(run)
	return s, nil
}

// Credentials returns the held token. While that is valid it returns at once,
// whatever ctx and Entra ID are up to. When it has expired, Credentials asks for
// another one and waits for that attempt, or ctx's end.
//
// Errors: a [*TokenError] that says why there is no valid token, ctx's cause, or [ErrClosed].
func (s *TokenSource) Credentials(ctx context.Context) (Credentials, error) {
	if h := s.held.Load(); time.Now().UnixNano() < h.until {
		return h.Credentials, nil
	}
	return s.awaitToken(ctx)
}

// awaitToken is Credentials when no valid token is held.
func (s *TokenSource) awaitToken(ctx context.Context) (Credentials, error) {
	expired := s.held.Load().ExpiresAt
	err := s.Refresh(ctx)
	if h := s.held.Load(); time.Now().UnixNano() < h.until {
		return h.Credentials, nil
	}
	if err == nil {
		err = s.stale()
	}
	if t, ok := err.(*TokenError); ok {
		since := *t
		since.Since = expired
		err = &since
	}
	return Credentials{}, err
}

// stale says why no valid token is held although the last attempt was good.
func (s *TokenSource) stale() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.telling {
		return &TokenError{Detail: "Options.OnRefresh has not returned yet, and no attempt begins before that", Hint: "let OnRefresh leave what takes long to another goroutine"}
	}
	return unusable("the credential keeps returning a token that has expired", hintClock)
}

// Refresh asks for a token now and waits for the answer. Callers at the same time
// share one attempt, and a call that comes too soon after an attempt gets the result of
// that one: within a second, ten if Entra ID rejected it, or as long as the server
// asked for. It is meant for after a WRONGPASS; in the normal course of things nobody
// needs to call it.
//
// Errors are those of [TokenSource.Credentials]. A nil error means that Entra ID gave
// a usable token, which may be the same one: azidentity caches it until five minutes
// before expiry.
func (s *TokenSource) Refresh(ctx context.Context) error {
	select {
	case <-s.closing:
		return ErrClosed
	default:
	}
	s.mu.Lock()
	a := s.current
	if !s.underway {
		if s.telling || time.Now().Before(s.earliest) {
			defer s.mu.Unlock()
			return s.last
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	s.mu.Unlock()
	select {
	case <-a.done:
		return a.err
	case <-s.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stats returns the figures of now.
func (s *TokenSource) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Close ends the refresher and forgets the token. It does not wait for a
// GetToken that ignores its ctx. Its error is always nil.
func (s *TokenSource) Close() error {
	s.cancel()
	<-s.closed
	return nil
}

// ask calls GetToken once, within AttemptTimeout, and checks what it gets.
func (s *TokenSource) ask(ctx context.Context) (c Credentials, refreshOn time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.AttemptTimeout)
	defer cancel()
	// One request, one try: the refresher is what tries again. Otherwise azidentity's own
	// tries, of up to minutes, would multiply with ours.
	try := policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1, TryTimeout: s.opts.AttemptTimeout / 2})
	t, err := call(try, s.limit, func(ctx context.Context) (azcore.AccessToken, error) {
		return s.cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: s.opts.Scopes})
	})
	if err != nil {
		return c, refreshOn, newTokenError(ctx, err)
	}
	now := time.Now().Round(0)
	c = Credentials{Username: s.opts.Username, Password: t.Token, IssuedAt: now, ExpiresAt: t.ExpiresOn.Round(0)}
	switch {
	case t.Token == "":
		return c, refreshOn, unusable("the credential returned an empty token", "look into the credential's GetToken")
	case t.ExpiresOn.IsZero():
		return c, refreshOn, unusable("the credential returned a token without ExpiresOn", "the credential's GetToken must set it, from expires_in or the token's exp claim")
	case !now.Before(c.ExpiresAt):
		return c, refreshOn, unusable("the credential returned a token that expired "+now.Sub(c.ExpiresAt).Round(time.Second).String()+" ago", hintClock)
	}
	if c.Username == "" {
		if c.Username, err = objectID(t.Token); err != nil {
			return c, refreshOn, unusable(err.Error(), "")
		}
	}
	if !t.RefreshOn.IsZero() {
		refreshOn = t.RefreshOn.Round(0)
	}
	return c, refreshOn, nil
}

// Format implements [fmt.Formatter]: no verb shows the token, or what the credential holds.
func (s *TokenSource) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "auth.TokenSource%v", s.held.Load().Credentials)
}

const hintClock = "compare this machine's clock with the real time, and see whether the credential caches tokens too long"

// publish makes c what readers get.
func (s *TokenSource) publish(c Credentials) {
	until := int64(math.MaxInt64)
	if y := c.ExpiresAt.Year(); y < 2200 { // beyond it, nanoseconds overflow
		until = c.ExpiresAt.UnixNano()
	}
	s.held.Store(&snapshot{Credentials: c, until: until})
}
