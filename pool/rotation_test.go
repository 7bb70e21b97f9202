package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
)

func TestIdleConnectionsAreKeptLoggedInForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.rtt = time.Millisecond
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 100})
		warm(t, p, 100)
		begin := time.Now()
		time.Sleep(72 * time.Hour)
		for range 100 {
			require.NoError(t, p.Do(t.Context(), use))
		}
		stat := p.Stat()
		require.Equal(t, int64(100), stat.New)
		require.Zero(t, stat.Discarded)
		require.Zero(t, stat.FailedReauths)
		require.Equal(t, int64(len(s.auths)), stat.Reauths)
		require.InDelta(t, 72*100, stat.Reauths, 1000) // a token serves for 55 to 60 minutes

		// All lie in the window, and no 10 ms see more than a few of the 100.
		slices.SortFunc(s.auths, time.Time.Compare)
		for i, at := range s.auths[:len(s.auths)-10] {
			require.Greater(t, s.auths[i+10].Sub(at), 10*time.Millisecond)
		}
		require.Greater(t, s.auths[0].Sub(begin), 56*time.Minute)
	})
}

func TestNoBusyConnectionIsHandedOutOnATokenNearItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		src := s.source(time.Second)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: src, MaxSize: 16})
		var users sync.WaitGroup
		for range 64 {
			users.Go(func() {
				for begin := time.Now(); time.Since(begin) < 10*time.Second; {
					err := p.Do(t.Context(), func(c *conn) error {
						newest, err := src.Credentials(t.Context())
						if err != nil {
							return err
						}
						var expires time.Time
						s.set(func() { expires = s.expiry[c.token] })
						if c.token != newest.Password && time.Until(expires) < 310*time.Millisecond {
							return fmt.Errorf("%v left on an older token", time.Until(expires))
						}
						time.Sleep(time.Millisecond)
						return c.use()
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		users.Wait()
		require.Equal(t, int64(16), p.Stat().New)
		require.Zero(t, p.Stat().Discarded)
		require.GreaterOrEqual(t, p.Stat().Reauths, int64(16*10))
	})
}

func TestAConnectionThatWasDueWhileItWasLeasedGetsItsAuthAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour)})
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		time.Sleep(57*time.Minute + 30*time.Second)
		require.Zero(t, p.Stat().Reauths)
		l.Release()
		synctest.Wait()
		require.Equal(t, int64(1), p.Stat().Reauths)
		time.Sleep(time.Hour)
		require.NoError(t, p.Do(t.Context(), use))
		require.Equal(t, int64(1), p.Stat().New)
	})
}

func TestAllConnectionsDueAtOnceAndRefusingAreReplacedWithoutAnError(t *testing.T) {
	for name, refusal := range map[string]error{"lost": errLost, "refused": errWrong, "other": errors.New("ERR no")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				s.rtt = time.Millisecond
				src := s.source(time.Hour)
				dial := func(ctx context.Context) (*refusing, error) {
					c, err := s.dial(ctx)
					return &refusing{conn: c, err: refusal}, err
				}
				p, err := pool.New(pool.Config[*refusing]{Dial: dial, Source: src, MaxSize: 8})
				require.NoError(t, err)
				defer p.Close()
				var leases [8]pool.Lease[*refusing]
				for i := range leases {
					leases[i], err = p.Acquire(t.Context())
					require.NoError(t, err)
				}
				time.Sleep(57 * time.Minute) // all are due, and none is idle
				var users sync.WaitGroup
				for range 64 {
					users.Go(func() {
						if err := p.Do(t.Context(), func(c *refusing) error { return c.use() }); err != nil {
							t.Error(err)
						}
					})
				}
				for _, l := range leases {
					l.Release()
				}
				users.Wait()
				synctest.Wait()
				stat := p.Stat()
				require.Equal(t, int64(8), stat.FailedReauths)
				require.Equal(t, int64(8), stat.Discarded)
				require.Equal(t, int64(16), stat.New)
				require.Equal(t, int32(8), stat.Total)
				for _, l := range leases {
					require.True(t, l.Conn().closed || l.Conn().token == "token-2")
				}
			})
		})
	}
}

// refusing is a connection whose second AUTH fails.
type refusing struct {
	*conn
	err   error
	auths int
}

func (c *refusing) Auth(ctx context.Context, user, token string) error {
	if c.auths++; c.auths == 2 {
		return c.err
	}
	return c.conn.Auth(ctx, user, token)
}

func TestConnectionsGoOnWhileTheServerRefusesNewerTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 4})
		warm(t, p, 4)
		time.Sleep(55*time.Minute + 30*time.Second)
		s.set(func() { s.refuses = errWrong })
		for range 180 {
			time.Sleep(time.Second)
			require.NoError(t, p.Do(t.Context(), use))
		}
		require.Positive(t, p.Stat().FailedReauths)
		require.LessOrEqual(t, p.Stat().FailedReauths, int64(4*30), "with pauses")
		s.set(func() { s.refuses = nil })
		time.Sleep(time.Hour)
		require.NoError(t, p.Do(t.Context(), use))
		require.Equal(t, int64(4), p.Stat().New)
		require.Zero(t, p.Stat().Discarded)
	})
}

func TestConnectionsGoOnWhileTheSourceFailsAndItsTokenLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		src := s.source(time.Hour)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: src, MaxSize: 4})
		warm(t, p, 4)
		time.Sleep(55 * time.Minute)
		src.set(func() { src.fails = true })
		for range 4 * 60 {
			time.Sleep(time.Second)
			require.NoError(t, p.Do(t.Context(), use))
		}
		time.Sleep(time.Minute) // past expiry
		err := p.Do(t.Context(), use)
		require.ErrorContains(t, err, "pool: credentials: Entra ID is down")
		require.Equal(t, int64(4), p.Stat().New)
		src.set(func() { src.fails = false })
		require.NoError(t, p.Do(t.Context(), use))
	})
}

func TestTheSamePasswordWithALaterExpiryIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		asked := 0
		var mu sync.Mutex
		src := auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
			mu.Lock()
			defer mu.Unlock()
			asked++
			c := auth.Credentials{Username: "u", Password: "p", IssuedAt: begin, ExpiresAt: begin.Add(time.Hour)}
			if time.Since(begin) > 50*time.Minute {
				c.ExpiresAt = begin.Add(100 * time.Hour)
			}
			return c, nil
		})
		p, err := pool.New(pool.Config[*idle]{Dial: func(context.Context) (*idle, error) { return &idle{}, nil }, Source: src, MaxSize: 1})
		require.NoError(t, err)
		defer p.Close()
		require.NoError(t, p.Do(t.Context(), func(*idle) error { return nil }))
		time.Sleep(2 * time.Hour)
		mu.Lock()
		n := asked
		mu.Unlock()
		require.Less(t, n, 20, "questions for one idle connection in two hours")
		require.Equal(t, int64(1), p.Stat().Reauths, "or the server would not know of it")
	})
}

func TestACallerThatMayNotWaitDoesNotWaitForTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		src := s.source(time.Hour)
		var hangs atomic.Bool
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, MaxSize: 1, Source: auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
			if hangs.Load() {
				<-ctx.Done()
				return auth.Credentials{}, ctx.Err()
			}
			return src.Credentials(ctx)
		})})
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		hangs.Store(true)
		time.Sleep(57 * time.Minute)
		defer func() {
			p.Close()
			time.Sleep(time.Minute) // until the source has ended
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		begin := time.Now()
		l.Release()
		l, err = p.Acquire(ctx)
		if err == nil {
			l.Release()
		}
		require.LessOrEqual(t, time.Since(begin), 10*time.Millisecond, "%v", err)
	})
}

func TestAnIssuedAtAfterTheExpiryDoesNotKeepTheTokenFromBeingRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		src := s.source(time.Hour)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, MaxSize: 1, Source: auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
			c, err := src.Credentials(ctx)
			c.IssuedAt = c.ExpiresAt.Add(time.Hour) // a clock of another time zone
			return c, err
		})})
		require.NoError(t, p.Do(t.Context(), use))
		time.Sleep(61 * time.Minute)
		require.NoError(t, p.Do(t.Context(), use))
	})
}
