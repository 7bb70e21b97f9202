package pool_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
)

func TestALeaseEndsOnce(t *testing.T) {
	s := newServer(t)
	p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 1})
	first, err := p.Acquire(t.Context())
	require.NoError(t, err)
	again := first
	first.Release()
	second, err := p.Acquire(t.Context())
	require.NoError(t, err)
	require.Same(t, first.Conn(), second.Conn())
	again.Release()
	first.Discard()
	require.Equal(t, int32(1), p.Stat().Acquired)
	require.NoError(t, second.Conn().use())
	second.Discard()
	second.Release()
	require.NoError(t, p.Do(t.Context(), use))
	require.Equal(t, int64(2), p.Stat().New)
	var zero pool.Lease[*conn]
	zero.Release()
	zero.Discard()
	require.Nil(t, zero.Conn())
}

// idle is a connection that does nothing.
type idle struct{}

func TestAcquireAndReleaseAllocateNothing(t *testing.T) {
	p, err := pool.New(pool.Config[*idle]{Dial: func(context.Context) (*idle, error) { return &idle{}, nil }, Source: auth.Static("u", "p"), MaxIdleTime: time.Hour, MaxLifetime: time.Hour})
	require.NoError(t, err)
	defer p.Close()
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		l, err := p.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		l.Release()
	}))
}

func TestManyUsersOfFewConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 4})
		var using, most atomic.Int32
		var users sync.WaitGroup
		for i := range 64 {
			users.Go(func() {
				for n := range 200 {
					l, err := p.Acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					for now := using.Add(1); ; {
						if m := most.Load(); now <= m || most.CompareAndSwap(m, now) {
							break
						}
					}
					time.Sleep(time.Microsecond)
					using.Add(-1)
					if (i+n)%50 == 0 {
						l.Discard()
					} else {
						l.Release()
					}
					l.Release()
				}
			})
		}
		users.Wait()
		synctest.Wait() // for what was discarded to be gone
		require.LessOrEqual(t, most.Load(), int32(4))
		stat := p.Stat()
		require.Zero(t, stat.Acquired)
		require.Positive(t, stat.Waits)
		require.Positive(t, stat.WaitTime)
		require.Equal(t, stat.New-stat.Discarded, int64(stat.Total))
	})
}

func TestACallerThatGaveUpWithTheCauseErrClosedStillSeesItsContextsError(t *testing.T) {
	s := newServer(t)
	p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour)})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(pool.ErrClosed) // of another pool
	_, err := p.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
