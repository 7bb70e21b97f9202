package pool_test

import (
	"context"
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
)

// asleep returns t, which has a reading of the monotonic clock, as it is for a machine that has slept
// for d since: that clock has stood still meanwhile, so by it t is further ahead than by the wall clock.
func asleep(t time.Time, d time.Duration) time.Time {
	monotonic := (*int64)(unsafe.Add(unsafe.Pointer(&t), unsafe.Sizeof(uint64(0))))
	*monotonic += int64(d)
	return t
}

func TestATokenThatRanOutWhileTheMachineSleptIsReplaced(t *testing.T) {
	s := newServer(t)
	n := 0
	p := newPool(t, pool.Config[*conn]{Dial: s.dial, MaxSize: 1, Source: auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		n++
		now := time.Now()
		c := auth.Credentials{Username: "u", Password: fmt.Sprint("token-", n), IssuedAt: now, ExpiresAt: now.Add(time.Hour)}
		if n == 1 {
			c.IssuedAt, c.ExpiresAt = asleep(now.Add(-58*time.Minute), 2*time.Hour), asleep(now.Add(2*time.Minute), 2*time.Hour)
		}
		s.set(func() { s.expiry[c.Password] = c.ExpiresAt.Round(0) })
		return c, nil
	})})
	require.NoError(t, p.Do(t.Context(), use))
	require.NoError(t, p.Do(t.Context(), func(c *conn) error {
		require.Equal(t, "token-2", c.token)
		return c.use()
	}))
}

func TestALifetimeThatEndedWhileTheMachineSleptIsOver(t *testing.T) {
	s := newServer(t)
	p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(24 * time.Hour), MaxSize: 1, MaxLifetime: time.Hour})
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	l.SetEnds(asleep(time.Now().Add(-time.Minute), 2*time.Hour))
	l.Release()
	require.Eventually(t, func() bool { return p.Stat().Total == 0 }, 10*time.Second, time.Millisecond, "or the pool would look after it without a pause")
}
