package auth

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/redisentra/redisentra/internal/redact"
)

// Credentials are what one connection logs in with. They are a value: nothing
// that is handed out ever changes. Packages fmt and log/slog do not show the password, nor do
// encoders that ask the value for its text or bytes, as encoding/json, xml and gob do. What asks nobody shows
// it: the diffs of testify, and package fmt for an unexported field of a struct of your own; keep a
// pointer there.
type Credentials struct {
	Username  string    // the ACL user: for Entra ID the token's oid claim
	Password  string    // the access token
	IssuedAt  time.Time // when the source first held it with this ExpiresAt, so that the two are its life; zero: unknown
	ExpiresAt time.Time // when the server stops accepting it; zero: never
}

// ValidAt reports whether the credentials can still log in at now, by the wall clock.
func (c Credentials) ValidAt(now time.Time) bool {
	return c.Password != "" && (c.ExpiresAt.IsZero() || now.Round(0).Before(c.ExpiresAt.Round(0)))
}

// ReauthAt returns when a connection that logs in with c at now should send its
// next AUTH; the zero time means never. The moment is random, so that many
// connections spread their AUTHs, and always after now:
//
//   - Before expiry - 0.8 margin it is a moment in [expiry - 0.8 margin, expiry - 0.62 margin],
//     when a [TokenSource] normally holds the next token already. The margin is the source's default,
//     min(5m-1s, life/2): of a one hour token the window is 3m59s to 3m05s before expiry, as
//     https://learn.microsoft.com/azure/azure-cache-for-redis/cache-azure-active-directory-for-authentication
//     asks for.
//   - Later than that, because the connection is new or because there is no newer token yet, it is
//     1/8 to 1/4 of what remains, 15 to 30 seconds at most.
//
// No moment is nearer than one second, or 1/50 of the life of a token that lives less than 50 seconds.
func (c Credentials) ReauthAt(now time.Time) time.Time {
	if c.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return c.reauthAt(now, rand.Float64())
}

func (c Credentials) reauthAt(now time.Time, r float64) time.Time {
	remaining := c.ExpiresAt.Sub(now)
	life := remaining
	if c.IssuedAt.Before(c.ExpiresAt) && !c.IssuedAt.IsZero() {
		life = c.ExpiresAt.Sub(c.IssuedAt)
	}
	m := margin(0, life)
	wait := part(min(remaining, 2*time.Minute), (1+r)/8)
	if early := remaining - part(m, 0.8); early > 0 {
		wait = early + part(m, 0.18*r)
	}
	return now.Add(max(wait, min(time.Second, life/50), time.Millisecond))
}

// NewsTo reports whether a connection that is logged in with held should send an AUTH with c: because
// the password is another one, or because it lives on, by more than rounding makes, of which the server learns by
// nothing else. The IssuedAt of held must be known, as it is of what a [TokenSource] or [LastValid] gives.
func (c Credentials) NewsTo(held Credentials) bool {
	switch {
	case c.Password != held.Password:
		return true
	case c.ExpiresAt.IsZero() || held.ExpiresAt.IsZero():
		return !c.ExpiresAt.Equal(held.ExpiresAt)
	}
	return c.ExpiresAt.Sub(held.ExpiresAt) >= held.ExpiresAt.Sub(held.IssuedAt)/10
}

// String implements [fmt.Stringer].
func (c Credentials) String() string {
	expires := "never"
	if !c.ExpiresAt.IsZero() {
		expires = c.ExpiresAt.Format(time.RFC3339)
	}
	return fmt.Sprintf("{Username:%s Password:%s ExpiresAt:%s}", c.Username, redact.Mark, expires)
}

// Format implements [fmt.Formatter]: every verb prints [Credentials.String].
func (c Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("username", c.Username), slog.String("password", redact.Mark),
		slog.Time("expiresAt", c.ExpiresAt))
}

// MarshalText implements [encoding.TextMarshaler], which JSON and others use.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalBinary implements [encoding.BinaryMarshaler], which gob and others use, who do not
// ask for text. What it returns is for nobody to read back.
func (c Credentials) MarshalBinary() ([]byte, error) { return c.MarshalText() }

// A Source gives the credentials to log in with now. It never returns expired
// ones, and it is safe for concurrent use.
type Source interface {
	Credentials(ctx context.Context) (Credentials, error)
}

// SourceFunc makes a Source of a function.
type SourceFunc func(ctx context.Context) (Credentials, error)

// Credentials calls f.
func (f SourceFunc) Credentials(ctx context.Context) (Credentials, error) { return f(ctx) }

// Static returns a Source of one user name and password that never expire: the
// access key of a cache, or a test's user.
func Static(username, password string) Source {
	// A closure, unlike a struct, shows nothing when it is printed.
	return SourceFunc(func(context.Context) (Credentials, error) {
		return Credentials{Username: username, Password: password}, nil
	})
}
