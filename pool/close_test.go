package pool_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
)

func TestCloseWaitsForLeasesAndThenTakesThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 2})
		released, err := p.Acquire(t.Context())
		require.NoError(t, err)
		kept, err := p.Acquire(t.Context())
		require.NoError(t, err)
		waiting := make(chan error, 1)
		go func() {
			_, err := p.Acquire(context.Background())
			waiting <- err
		}()
		time.AfterFunc(time.Second, released.Release)
		begin := time.Now()
		p.Close()
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.ErrorIs(t, <-waiting, pool.ErrClosed)
		_, err = p.Acquire(t.Context())
		require.ErrorIs(t, err, pool.ErrClosed)
		require.Error(t, kept.Conn().use())
		kept.Release()
		p.Close()
		require.ErrorIs(t, p.Do(t.Context(), use), pool.ErrClosed)
	})
}

func TestCloseEndsADialThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.dialing = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour)})
		ended := make(chan error, 1)
		go func() {
			_, err := p.Acquire(context.Background())
			ended <- err
		}()
		synctest.Wait()
		begin := time.Now()
		p.Close()
		require.Zero(t, time.Since(begin))
		require.ErrorIs(t, <-ended, pool.ErrClosed)
	})
}

// stubborn is a connection whose Err takes the lock that a command holds, as that of many clients does.
type stubborn struct {
	*conn
	mu sync.Mutex
}

func (c *stubborn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return nil
}

// hang is a command that only Close ends.
func (c *stubborn) hang() {
	c.mu.Lock()
	defer c.mu.Unlock()
	<-c.ended
}

func TestCloseEndsACommandThatKeepsErrWaiting(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, err := pool.New(pool.Config[*stubborn]{Dial: func(ctx context.Context) (*stubborn, error) {
		c, err := s.dial(ctx)
		return &stubborn{conn: c}, err
	}, Source: s.source(time.Hour), MaxSize: 1})
	require.NoError(t, err)
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	go l.Conn().hang()
	closed := make(chan struct{})
	go func() {
		p.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(12 * time.Second):
		_ = l.Conn().Close()
		t.Fatal("Close hangs in Err, and has not closed the connection")
	}
}

func TestNothingIsHandedOutOnceThePoolIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 1, DialTimeout: time.Minute, Check: func(ctx context.Context, c *conn) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Second):
				return nil
			}
		}})
		warm(t, p, 1)
		ended := make(chan error, 1)
		go func() {
			l, err := p.Acquire(context.Background())
			l.Release()
			ended <- err
		}()
		synctest.Wait()
		begin := time.Now()
		p.Close()
		took := time.Since(begin)
		err := <-ended
		synctest.Wait()
		require.ErrorIs(t, err, pool.ErrClosed)
		require.Less(t, took, 5*time.Second, "there was no lease to wait for")
	})
}

func TestCloseEndsAnAcquireThatWaitsForTheSource(t *testing.T) {
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
		defer time.Sleep(time.Minute) // until the source has ended
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		hangs.Store(true)
		time.Sleep(61 * time.Minute)
		l.Release()
		ended := make(chan error, 1)
		go func() {
			_, err := p.Acquire(context.Background())
			ended <- err
		}()
		time.Sleep(time.Millisecond)
		begin := time.Now()
		p.Close()
		took := time.Since(begin)
		require.ErrorIs(t, <-ended, pool.ErrClosed)
		require.Less(t, took, time.Second)
	})
}

func TestCloseJoinsADialThatEndsSoonAfterItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		var running atomic.Int32
		s.dialing = func(ctx context.Context) error {
			running.Add(1)
			defer running.Add(-1)
			<-ctx.Done()
			time.Sleep(10 * time.Millisecond)
			return ctx.Err()
		}
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour)})
		go func() { _, _ = p.Acquire(context.Background()) }()
		synctest.Wait()
		defer time.Sleep(time.Second)
		p.Close()
		require.Zero(t, running.Load(), "Dial runs although Close has returned")
	})
}

func TestWhateverHappensEveryConnectionIsClosedInTheEnd(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			s := newServer(t)
			s.rtt = time.Duration(r.IntN(3)) * time.Millisecond
			src := s.source(time.Duration(1+r.IntN(3)) * time.Second)
			cfg := pool.Config[*conn]{Dial: s.dial, Source: src, MaxSize: int32(1 + r.IntN(5)), DialTimeout: 300 * time.Millisecond}
			if r.IntN(2) == 0 {
				cfg.MaxIdleTime = time.Duration(1+r.IntN(500)) * time.Millisecond
			}
			if r.IntN(2) == 0 {
				cfg.MaxLifetime = time.Duration(10+r.IntN(500)) * time.Millisecond
			}
			if r.IntN(2) == 0 {
				cfg.Check = func(_ context.Context, c *conn) error { time.Sleep(s.rtt); return c.use() }
			}
			var all []*conn
			var mu sync.Mutex
			cfg.Dial = func(ctx context.Context) (*conn, error) {
				c, err := s.dial(ctx)
				if err == nil {
					mu.Lock()
					all = append(all, c)
					mu.Unlock()
				}
				return c, err
			}
			p := newPool(t, cfg)
			var users sync.WaitGroup
			for i := range 10 {
				r := rand.New(rand.NewPCG(seed, uint64(i)+7))
				users.Go(func() {
					for range 300 {
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(50))*time.Millisecond)
						begin := time.Now()
						l, err := p.Acquire(ctx)
						if time.Since(begin) > 150*time.Millisecond {
							t.Errorf("stuck for %v: %v", time.Since(begin), err)
						}
						if err == nil {
							if r.IntN(20) == 0 {
								l.Conn().hangs = true
							}
							time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
							if r.IntN(10) == 0 {
								l.Discard()
							}
							l.Release()
							if r.IntN(2) == 0 {
								l.Discard()
							}
						}
						cancel()
						if r.IntN(100) == 0 {
							s.set(func() {
								for _, c := range s.conns {
									c.token = "killed"
								}
							})
						}
					}
				})
			}
			time.AfterFunc(3*time.Second, func() { s.set(func() { s.down = true }) })
			time.AfterFunc(3500*time.Millisecond, func() { s.set(func() { s.down = false }) })
			if seed%2 == 0 {
				users.Wait()
				time.Sleep(10 * time.Second)
				for n := 0; p.Stat().Acquired > 0 && n < 1000; n++ {
					time.Sleep(time.Millisecond) // an idle one may just be getting its AUTH
				}
				require.Zero(t, p.Stat().Acquired)
				require.LessOrEqual(t, p.Stat().Idle, p.Stat().MaxSize)
				if cfg.MaxIdleTime > 0 || cfg.MaxLifetime > 0 {
					require.Zero(t, p.Stat().Total, "%+v", p.Stat())
				}
			} else {
				time.Sleep(time.Second)
			}
			begin := time.Now()
			p.Close()
			took := time.Since(begin)
			users.Wait()
			require.LessOrEqual(t, took, time.Second)
			stat := p.Stat()
			require.Zero(t, stat.Total)
			for i, c := range all {
				require.True(t, func() bool {
					select {
					case <-c.ended:
						return true
					default:
						return false
					}
				}(), "connection %d was never closed", i)
			}
		})
	}
}
