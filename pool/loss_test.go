package pool_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/pool"
)

func TestOneLostConnectionMakesThePoolCheckTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 16})
		warm(t, p, 16)
		s.kill()
		require.ErrorIs(t, p.Do(t.Context(), use), errLost)
		for range 32 {
			require.NoError(t, p.Do(t.Context(), use), "a second try, on any connection, succeeds")
		}
	})
}

func TestCheckKeepsBrokenConnectionsFromTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		checks := 0
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 8, Check: func(_ context.Context, c *conn) error {
			checks++
			return c.use()
		}})
		warm(t, p, 8)
		require.Zero(t, checks, "new ones need none")
		s.kill()
		require.NoError(t, p.Do(t.Context(), use))
		require.Equal(t, 1, checks)
		require.Equal(t, int64(1), p.Stat().Discarded)
		var leases [8]pool.Lease[*conn]
		for i := range leases {
			var err error
			leases[i], err = p.Acquire(t.Context())
			require.NoError(t, err)
			require.NoError(t, leases[i].Conn().use())
		}
		require.Equal(t, 9, checks)
		require.Equal(t, int64(8), p.Stat().Discarded)
		for _, l := range leases {
			l.Release()
		}
	})
}

func TestDoDiscardsWhatPanicsOrIsLost(t *testing.T) {
	s := newServer(t)
	p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 1})
	opens := int64(0)
	for _, test := range []struct {
		err  error
		open int64
	}{
		{nil, 1},
		{errors.New("not found"), 0},
		{errLost, 0},
		{nil, 1},
		{errors.New("NOAUTH Authentication required"), 0},
		{fmt.Errorf("in the middle: %w", context.Canceled), 1},
		{nil, 1},
	} {
		opens += test.open
		require.ErrorIs(t, p.Do(t.Context(), func(*conn) error { return test.err }), test.err)
		require.Equal(t, opens, p.Stat().New, "%v", test.err)
	}
	require.Panics(t, func() { _ = p.Do(t.Context(), func(*conn) error { panic("f") }) })
	require.NoError(t, p.Do(t.Context(), use))
	require.Equal(t, opens+1, p.Stat().New)
}

// ailing is a connection that knows of itself whether it is of use.
type ailing struct {
	*conn
	err error
}

func (c *ailing) Err() error { return c.err }

func TestAConnectionThatCanTellDecidesItself(t *testing.T) {
	s := newServer(t)
	p, err := pool.New(pool.Config[*ailing]{Dial: func(ctx context.Context) (*ailing, error) {
		c, err := s.dial(ctx)
		return &ailing{conn: c}, err
	}, Source: s.source(time.Hour), MaxSize: 1})
	require.NoError(t, err)
	defer p.Close()
	require.ErrorIs(t, p.Do(t.Context(), func(*ailing) error { return errLost }), errLost) // another service's
	require.NoError(t, p.Do(t.Context(), func(c *ailing) error { return nil }))
	require.Equal(t, int64(1), p.Stat().New)
	require.NoError(t, p.Do(t.Context(), func(c *ailing) error {
		c.err = errLost
		return nil
	}))
	require.Equal(t, int64(1), p.Stat().Discarded)
}

func TestAConnectionThatHasBeenIdleSinceItsDialIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.rtt = time.Second
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(24 * time.Hour), MaxSize: 1, Check: func(_ context.Context, c *conn) error {
			return c.use()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(10 * time.Minute)
		require.Equal(t, int32(1), p.Stat().Idle)
		s.kill() // as Azure does after 10 minutes
		require.NoError(t, p.Do(t.Context(), use))
	})
}

func TestManyDeadIdleConnectionsDoNotKeepOneCallerWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 40, Check: func(ctx context.Context, c *conn) error {
			if c.hangs { // no RST: the other side has gone
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}})
		warm(t, p, 40)
		s.set(func() {
			for _, c := range s.conns {
				c.hangs = true
			}
		})
		begin := time.Now()
		require.NoError(t, p.Do(t.Context(), use))
		require.LessOrEqual(t, time.Since(begin), 20*time.Second, "one check and one dial")
	})
}

func TestOneTimeoutDoesNotSendAuthOnEveryOtherConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 8})
		warm(t, p, 8)
		for range 100 {
			_ = p.Do(t.Context(), func(*conn) error { return context.DeadlineExceeded }) // one slow command
			var leases [7]pool.Lease[*conn]
			for i := range leases {
				leases[i], _ = p.Acquire(t.Context())
			}
			for _, l := range leases {
				l.Release()
			}
		}
		require.LessOrEqual(t, p.Stat().Reauths, int64(100), "for 100 timeouts, on connections that were in use all the time")
	})
}

// While there is no newer token the source is asked ten times a second at most. That is not to hide what
// makes an AUTH necessary nevertheless.
func TestWhatIsLostOrExpiredIsNotHandedOutHoweverOftenTheSourceWasAsked(t *testing.T) {
	for name, c := range map[string]struct {
		at   time.Duration // that the token has lived
		lost bool
	}{"lost": {57 * time.Minute, true}, "expired": {time.Hour - time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				src := s.source(time.Hour)
				p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: src, MaxSize: 2})
				warm(t, p, 2)
				src.set(func() { src.stuck = true })
				time.Sleep(c.at)
				for range 100 {
					require.NoError(t, p.Do(t.Context(), use))
				}
				if c.lost {
					s.kill()
					require.ErrorIs(t, p.Do(t.Context(), use), errLost)
				}
				src.set(func() { src.stuck = c.lost })
				time.Sleep(2 * time.Millisecond)
				require.NoError(t, p.Do(t.Context(), use))
			})
		})
	}
}
