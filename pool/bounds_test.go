package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/retry"
)

func TestDialThatHangsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		released := make(chan struct{})
		s.dialing = func(context.Context) error { // even though it ignores its ctx
			<-released
			return nil
		}
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 1})
		begin := time.Now()
		_, err := p.Acquire(t.Context())
		require.ErrorContains(t, err, "no connection within 10s")
		require.Equal(t, 10*time.Second, time.Since(begin))

		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("too late"))
		defer cancel()
		_, err = p.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "too late")

		close(released)
		synctest.Wait()
		closed := 0
		s.set(func() {
			for _, c := range s.conns {
				if c.closed {
					closed++
				}
			}
		})
		require.Equal(t, 1, closed, "the connection that came too late; the other one is for the next caller")
		require.NoError(t, p.Do(t.Context(), use))
		require.Equal(t, int64(1), p.Stat().New)
	})
}

func TestAnAuthThatHangsIsBoundedAndTheConnectionReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 1, DialTimeout: 2 * time.Second})
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		l.Conn().hangs = true
		time.Sleep(57 * time.Minute)
		l.Release()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, p.Do(t.Context(), use))
		stat := p.Stat()
		require.Equal(t, int64(2), stat.New)
		require.Equal(t, int64(1), stat.FailedReauths)
		require.Equal(t, int64(1), stat.Discarded)
	})
}

func TestALoginThatHangsEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Source: s.source(time.Hour), MaxSize: 1, Dial: func(ctx context.Context) (*conn, error) {
			c, err := s.dial(ctx)
			c.hangs = true // whatever its ctx says, as a client without one does
			return c, err
		}})
		_, err := p.Acquire(t.Context())
		require.ErrorContains(t, err, "no connection within 10s")
		synctest.Wait()
		require.True(t, s.conns[0].closed)
		begin := time.Now()
		p.Close()
		require.Zero(t, time.Since(begin), "nothing is left that hangs")
	})
}

func TestASourceThatHangsWhenTheTokenIsOverLosesNoAttempt(t *testing.T) {
	for name, heeds := range map[string]bool{"heeding its ctx": true, "ignoring its ctx": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				src, hangs := s.source(time.Hour), false
				released := make(chan struct{})
				defer time.Sleep(10 * time.Second) // for which LastValid waits for it
				defer close(released)
				p := newPool(t, pool.Config[*conn]{Dial: s.dial, MaxSize: 1, DialTimeout: 2 * time.Second, Source: auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
					switch {
					case hangs && heeds:
						<-ctx.Done()
						return auth.Credentials{}, ctx.Err()
					case hangs:
						<-released
					}
					return src.Credentials(ctx)
				})})
				l, err := p.Acquire(t.Context())
				require.NoError(t, err)
				hangs = true
				time.Sleep(61 * time.Minute)
				l.Release()
				_, err = p.Acquire(t.Context())
				require.ErrorContains(t, err, "pool: no credentials within 2s, which is Config.DialTimeout")
				require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's ctx has not ended")
				require.Equal(t, retry.ConnectionLost, retry.Classify(err))
			})
		})
	}
}

// odd is a connection that does what its hooks say.
type odd struct {
	*conn
	auth  func(*odd) error
	close func()
}

func (c *odd) Auth(ctx context.Context, user, token string) error {
	if c.auth != nil {
		if err := c.auth(c); err != nil {
			return err
		}
	}
	return c.conn.Auth(ctx, user, token)
}

func (c *odd) Close() error {
	if c.close != nil {
		c.close()
	}
	return c.conn.Close()
}

func oddPool(t *testing.T, s *server, make func(*odd), cfg pool.Config[*odd]) *pool.Pool[*odd] {
	t.Helper()
	cfg.Dial = func(ctx context.Context) (*odd, error) {
		c, err := s.dial(ctx)
		o := &odd{conn: c}
		if err == nil {
			make(o)
		}
		return o, err
	}
	p, err := pool.New(cfg)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestACheckThatIgnoresItsContextEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := newPool(t, pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour), MaxSize: 1, Check: func(_ context.Context, c *conn) error {
			select { // redigo's Do("PING") on a connection whose other side has gone
			case <-c.ended:
			case <-time.After(time.Minute):
			}
			return errLost
		}})
		warm(t, p, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := p.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begin))
	})
}

func TestAConnectionThatIsSlowToCloseDoesNotDelayItsReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := oddPool(t, s, func(c *odd) {
			first := true
			c.auth = func(*odd) error {
				if !first {
					return errLost
				}
				first = false
				return nil
			}
			c.close = func() { time.Sleep(5 * time.Second) } // crypto/tls waits that long with its alert
		}, pool.Config[*odd]{Source: s.source(time.Hour), MaxSize: 1})
		l, err := p.Acquire(t.Context())
		require.NoError(t, err)
		time.Sleep(57 * time.Minute)
		begin := time.Now()
		waiting := make(chan error)
		go func() { waiting <- p.Do(t.Context(), func(c *odd) error { return c.use() }) }()
		synctest.Wait()
		l.Release()
		require.NoError(t, <-waiting)
		require.Less(t, time.Since(begin), time.Second)
	})
}

func TestAnAuthThatNothingEndsDoesNotTakeAPlaceForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		release := make(chan struct{})
		defer close(release)
		p := oddPool(t, s, func(c *odd) {
			first := len(s.conns) == 1
			auths := 0
			c.auth = func(*odd) error {
				if auths++; first && auths > 1 {
					<-release
				}
				return nil
			}
		}, pool.Config[*odd]{Source: s.source(time.Hour), MaxSize: 1})
		require.NoError(t, p.Do(t.Context(), func(c *odd) error { return c.use() }))
		time.Sleep(61 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, p.Do(ctx, func(c *odd) error { return c.use() }), "DialTimeout bounds any AUTH")
	})
}

func TestAConnectionWhoseCloseHangsDoesNotTakeItsPlaceForEver(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	release := make(chan struct{})
	p := oddPool(t, s, func(c *odd) { c.close = func() { <-release } }, pool.Config[*odd]{Source: s.source(time.Hour), MaxSize: 1})
	defer close(release)
	l, err := p.Acquire(t.Context())
	require.NoError(t, err)
	l.Discard()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	_, err = p.Acquire(ctx)
	require.NoError(t, err)
}
