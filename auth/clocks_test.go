package auth_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
)

// stepped returns t with the wall clock moved back by d and the monotonic one as it was: what a time that was noted before is
// like once the wall clock alone has gone forward by d, as it does while a machine sleeps.
func stepped(t time.Time, d time.Duration) time.Time {
	t = t.Add(-d)
	*(*int64)(unsafe.Add(unsafe.Pointer(&t), 8)) += int64(d) // the monotonic clock is the second word
	return t
}

func TestEitherClockMaySayThatATimeHasCome(t *testing.T) {
	now := time.Now()
	in := now.Add(time.Hour)
	slept, setBack := stepped(in, 2*time.Hour), stepped(in.Add(-2*time.Hour), -3*time.Hour)
	require.Equal(t, time.Hour, slept.Sub(now), "by the monotonic clock")
	require.Equal(t, -time.Hour, slept.Round(0).Sub(now.Round(0)), "by the wall clock")

	require.Equal(t, time.Hour, auth.Until(in, now))
	require.Equal(t, -time.Hour, auth.Until(slept, now))
	require.Equal(t, -time.Hour, auth.Until(setBack, now))
}

func TestAMachineThatHasSleptDoesNotAskInALoop(t *testing.T) {
	now := time.Now()
	held := auth.Credentials{Username: "me", Password: "token", IssuedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(-time.Hour)}
	for name, rule := range map[string]time.Time{
		"it slept":                    stepped(now.Add(55*time.Minute), 2*time.Hour),
		"its wall clock was set back": stepped(now.Add(-time.Minute), -2*time.Hour),
		"neither":                     now.Add(-time.Minute),
	} {
		next := auth.NextAfterFailure(held, rule)
		require.Greater(t, auth.Until(next, now), 400*time.Millisecond, name)
		require.Less(t, auth.Until(next, now), time.Minute, name)
	}
}

func TestALoginAfterASleepIsRenewedBeforeTheWallClockSaysItHasExpired(t *testing.T) {
	noted := stepped(time.Now().Add(time.Hour), 30*time.Minute)
	for name, issued := range map[string]time.Time{"of unknown age": {}, "of known age": stepped(time.Now(), 30*time.Minute)} {
		c, err := auth.LastValid(auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
			return auth.Credentials{Username: "me", Password: "token", IssuedAt: issued, ExpiresAt: noted}, nil
		})).Credentials(t.Context())
		require.NoError(t, err)
		at := c.ReauthAt(time.Now())
		require.Less(t, at.Round(0).Sub(time.Now().Round(0)), 30*time.Minute, name)
	}
}
