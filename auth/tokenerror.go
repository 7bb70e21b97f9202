package auth

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrClosed is returned by a [TokenSource] after its Close.
var ErrClosed = errors.New("auth: the token source is closed")

// Kind says what sort of thing kept a token from being had.
type Kind int

const (
	// Unavailable: no answer, or one that may be different next time (time-outs,
	// 408, 429, 5xx, and whatever is unknown). Trying again may help.
	Unavailable Kind = iota
	// Rejected: Entra ID knows the question and says no. Somebody has to change something.
	Rejected
	// NoIdentity: the credential finds no identity here to ask with.
	NoIdentity
	// LoginRequired: the credential needs a person to log in.
	LoginRequired
	// UnusableToken: a token came, but one that cannot log in to Redis.
	UnusableToken
)

// String implements [fmt.Stringer].
func (k Kind) String() string {
	switch k {
	case Unavailable:
		return "unavailable"
	case Rejected:
		return "rejected"
	case NoIdentity:
		return "no identity"
	case LoginRequired:
		return "login required"
	case UnusableToken:
		return "unusable token"
	}
	return "kind " + strconv.Itoa(int(k))
}

// TokenError says why there is no token, and what to do about it. It never holds
// the text of a token or of a whole answer.
type TokenError struct {
	Kind   Kind
	Status int       // the HTTP status of the answer; 0: there was none
	Code   string    // the answer's OAuth error code, such as invalid_client; may be empty
	Detail string    // what went wrong, free of secrets
	Hint   string    // what a person can do about it
	Since  time.Time // when the last valid token expired; zero while one is held, or none was

	retryAfter time.Duration
	cause      error
}

func (e *TokenError) Error() string {
	var b strings.Builder
	b.WriteString("auth: no token: ")
	b.WriteString(e.Kind.String())
	if e.Status != 0 {
		fmt.Fprintf(&b, ", HTTP %d", e.Status)
	}
	if e.Code != "" {
		b.WriteString(", " + e.Code)
	}
	if e.Detail != "" {
		b.WriteString(": " + strings.TrimRight(e.Detail, ". "))
	}
	if !e.Since.IsZero() {
		fmt.Fprintf(&b, " (the last token expired at %s)", e.Since.UTC().Format(time.RFC3339))
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Temporary reports whether the same question may be answered by itself later.
func (e *TokenError) Temporary() bool { return e.Kind == Unavailable }

// Is and As let [errors.Is] and [errors.As] find what the credential returned, context errors
// among it. There is no Unwrap, because azidentity's errors print whole answers.
func (e *TokenError) Is(target error) bool { return e.cause != nil && errors.Is(e.cause, target) }

// As: see [TokenError.Is].
func (e *TokenError) As(target any) bool { return e.cause != nil && errors.As(e.cause, target) }

// Format implements [fmt.Formatter]: every verb prints [TokenError.Error], the
// ones that would show the fields of the cause included.
func (e *TokenError) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		fmt.Fprintf(f, "%q", e.Error())
		return
	}
	fmt.Fprint(f, e.Error())
}

// unusable makes the error for a token that cannot log in.
func unusable(detail, hint string) *TokenError {
	return &TokenError{Kind: UnusableToken, Detail: detail, Hint: hint}
}
