package reauth

import (
	"time"

	"github.com/redisentra/redisentra/auth"
)

// pause returns how long to wait before the next try to replace the credentials held, after
// so many without success. r in [0, 1) spreads connections.
func pause(held auth.Credentials, now time.Time, tries int, r float64) time.Duration {
	life := lifeOf(held, now)
	remaining := held.ExpiresAt.Sub(now)
	if held.ExpiresAt.IsZero() { // not known yet
		remaining = life
	}
	wait := min(remaining/50, time.Second) << min(max(tries-1, 0), 10)
	wait = min(wait, remaining/8)
	if remaining <= 0 { // a server that enforces it has closed the connection
		wait = -remaining / 4
	}
	wait = min(wait, 30*time.Second)
	wait = max(wait, min(200*time.Millisecond, life/10), 20*time.Millisecond)
	return wait + time.Duration(r*float64(wait)/4)
}

// lifeOf returns how long credentials live altogether; a minute where that is not known.
func lifeOf(creds auth.Credentials, now time.Time) time.Duration {
	switch {
	case creds.ExpiresAt.IsZero():
		return time.Minute
	case creds.IssuedAt.IsZero():
		return creds.ExpiresAt.Sub(now)
	}
	return creds.ExpiresAt.Sub(creds.IssuedAt)
}
