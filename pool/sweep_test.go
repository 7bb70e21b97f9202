package pool_test

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
)

func TestIdleAndOldConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 4, MaxIdleTime: 9 * time.Minute})
		warm(t, p, 4)
		for range 30 {
			time.Sleep(50 * time.Second) // never when something is due
			require.NoError(t, p.Do(t.Context(), use))
		}
		require.Equal(t, int32(1), p.Stat().Total)
		require.Equal(t, int64(4), p.Stat().New)
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		require.Zero(t, p.Stat().Total)
		require.Equal(t, int64(4), p.Stat().Discarded)
	})
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 50, MaxLifetime: 10 * time.Hour})
		warm(t, p, 50)
		time.Sleep(9*time.Hour - time.Second)
		require.Equal(t, int32(50), p.Stat().Total)
		time.Sleep(30 * time.Minute)
		require.InDelta(t, 25, p.Stat().Total, 20, "they do not end together")
		time.Sleep(30*time.Minute + time.Second)
		synctest.Wait()
		require.Zero(t, p.Stat().Total)
	})
}

func TestAnUnfortunateMaxLifetimeDoesNotDialForEver(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*conn]{"lifetime": {MaxLifetime: 30}, "idle": {MaxIdleTime: 30}} { // whoever forgot * time.Second
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			cfg.Dial, cfg.Source, cfg.MaxSize = s.dial, s.source(time.Hour), 1
			p := newPool(t, cfg)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			l, err := p.Acquire(ctx)
			require.NoError(t, err, "after %d dials", p.Stat().New)
			l.Release()
		})
	}
}

func TestTheLongestLimitsAreNotOverAtOnce(t *testing.T) {
	for name, cfg := range map[string]pool.Config[*conn]{"lifetime": {MaxLifetime: math.MaxInt64}, "idle": {MaxIdleTime: math.MaxInt64}} {
		s := newServer(t)
		cfg.Dial, cfg.Source, cfg.MaxSize = s.dial, auth.Static("u", "p"), 1
		s.expiry["p"] = time.Now().Add(time.Hour)
		p := newPool(t, cfg)
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		require.True(t, l.Wake().After(time.Now().AddDate(30, 0, 0)), "%s: the pool looks after it at %v", name, l.Wake())
		l.Release()
	}
}

// sweeps counts after how many of n releases of an always busy connection the pool sweeps.
func sweeps(t *testing.T, p *pool.Pool[*conn], n int) (swept int) {
	var users sync.WaitGroup
	var mu sync.Mutex
	for range 4 { // there is always one who waits
		users.Go(func() {
			for range n / 4 {
				l, err := p.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
				if mu.Lock(); l.Late() {
					swept++
				}
				mu.Unlock()
				l.Release()
			}
		})
	}
	users.Wait()
	return swept
}

func TestABusyConnectionIsNotSweptAfterWheneverItIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 1, MaxIdleTime: 10 * time.Second})
		require.LessOrEqual(t, sweeps(t, p, 20_000), 100, "of 20000 releases, 10000 of them later than MaxIdleTime after the login")
	})
}

func TestABusyConnectionIsNotSweptAfterWheneverItIsReleasedWhileThereIsNoNewerToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		src := s.source(time.Hour)
		var asked atomic.Int64
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, MaxSize: 1, Source: auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
			asked.Add(1)
			return src.Credentials(ctx)
		})})
		require.NoError(t, p.Do(t.Context(), use))
		src.set(func() { src.stuck = true })
		time.Sleep(57 * time.Minute)
		asked.Store(0)
		swept := sweeps(t, p, 20_000) // 20 seconds
		t.Logf("%d sweeps, %d questions to the source", swept, asked.Load())
		require.LessOrEqual(t, asked.Load(), int64(1000), "questions to the source in 20 seconds")
		require.LessOrEqual(t, swept, 100)
	})
}
