package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// server is what fake connections talk to. It drops those whose token has expired, like Azure.
type server struct {
	t   *testing.T
	rtt time.Duration

	mu      sync.Mutex
	expiry  map[string]time.Time // of the tokens that it knows
	refuses error                // what it says to all AUTHs
	down    bool
	conns   []*conn
	auths   []time.Time // all but logins
	dialing func(ctx context.Context) error
}

func newServer(t *testing.T) *server { return &server{t: t, expiry: map[string]time.Time{}} }

// conn is a connection without a method Err.
type conn struct {
	s        *server
	token    string
	closed   bool
	loggedIn bool
	hangs    bool
	ended    chan struct{}
}

var (
	errLost  = fmt.Errorf("connection lost: %w", io.EOF)
	errWrong = errors.New("WRONGPASS invalid username-password pair or user is disabled")
)

func (s *server) dial(ctx context.Context) (*conn, error) {
	if s.dialing != nil {
		if err := s.dialing(ctx); err != nil {
			return nil, err
		}
	}
	time.Sleep(s.rtt)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, errLost
	}
	c := &conn{s: s, ended: make(chan struct{})}
	s.conns = append(s.conns, c)
	return c, nil
}

func (c *conn) Auth(ctx context.Context, _, token string) error {
	if c.hangs {
		<-c.ended
		return errLost
	}
	time.Sleep(c.s.rtt)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.dead() {
		return errLost
	}
	if c.loggedIn {
		c.s.auths = append(c.s.auths, time.Now())
	}
	if c.s.refuses != nil {
		return c.s.refuses
	}
	expires, known := c.s.expiry[token]
	if !known || !time.Now().Before(expires) {
		return errWrong
	}
	c.token, c.loggedIn = token, true
	return nil
}

// dead must be called with s.mu held.
func (c *conn) dead() bool {
	return c.closed || c.s.down || c.loggedIn && !time.Now().Before(c.s.expiry[c.token])
}

func (c *conn) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.ended)
	}
	return nil
}

// use is a command.
func (c *conn) use() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.dead() || !c.loggedIn {
		return errLost
	}
	return nil
}

// kill ends all connections from the server's side.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.closed = true
	}
	s.conns = nil
}

func (s *server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// source gives tokens that live for life, a new one from life/2 before the end on, as a TokenSource would with short ones.
type source struct {
	s    *server
	life time.Duration

	mu    sync.Mutex
	creds auth.Credentials
	fails bool
	stuck bool // no newer ones
	n     int
}

func (s *server) source(life time.Duration) *source { return &source{s: s, life: life} }

func (s *source) Credentials(context.Context) (auth.Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.fails {
		return auth.Credentials{}, errors.New("Entra ID is down")
	}
	margin := min(s.life/2, 5*time.Minute-time.Second)
	if s.creds.Password == "" || !s.stuck && !now.Before(s.creds.ExpiresAt.Add(-margin)) {
		s.n++
		s.creds = auth.Credentials{Username: "u", Password: fmt.Sprintf("token-%d", s.n), IssuedAt: now, ExpiresAt: now.Add(s.life)}
		s.s.set(func() { s.s.expiry[s.creds.Password] = s.creds.ExpiresAt })
	}
	return s.creds, nil
}

func (s *source) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func newPool(t *testing.T, cfg pool.Config[*conn]) *pool.Pool[*conn] {
	t.Helper()
	p, err := pool.New(cfg)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// warm opens n connections.
func warm(t *testing.T, p *pool.Pool[*conn], n int) {
	t.Helper()
	leases := make([]pool.Lease[*conn], n)
	for i := range leases {
		var err error
		leases[i], err = p.Acquire(t.Context())
		require.NoError(t, err)
	}
	for _, l := range leases {
		l.Release()
	}
	require.Equal(t, int32(n), p.Stat().Idle)
}

func use(c *conn) error { return c.use() }

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
		require.Equal(t, 8, checks)
		require.Equal(t, int64(8), p.Stat().Discarded)
		require.NoError(t, p.Do(t.Context(), use))
		require.Equal(t, 9, checks)
	})
}

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

func TestBadConfigurationIsNamed(t *testing.T) {
	s := newServer(t)
	good := pool.Config[*conn]{Dial: s.dial, Source: s.source(time.Hour)}
	for field, spoil := range map[string]func(*pool.Config[*conn]){
		"Dial":        func(c *pool.Config[*conn]) { c.Dial = nil },
		"Source":      func(c *pool.Config[*conn]) { c.Source = nil },
		"DialTimeout": func(c *pool.Config[*conn]) { c.DialTimeout = -1 },
		"MaxSize":     func(c *pool.Config[*conn]) { c.MaxSize = -1 },
		"MaxIdleTime": func(c *pool.Config[*conn]) { c.MaxIdleTime = -1 },
		"MaxLifetime": func(c *pool.Config[*conn]) { c.MaxLifetime = -1 },
	} {
		cfg := good
		spoil(&cfg)
		_, err := pool.New(cfg)
		var bad *auth.ConfigError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, "pool.Config."+field, bad.Field)
	}
}

func TestNoErrorShowsTheToken(t *testing.T) {
	dial := func(context.Context) (*telling, error) { return &telling{}, nil }
	p, err := pool.New(pool.Config[*telling]{Dial: dial, Source: auth.Static("u", "hunter2")})
	require.NoError(t, err)
	defer p.Close()
	_, err = p.Acquire(t.Context())
	require.ErrorContains(t, err, "pool: login: WRONGPASS")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2")
}

type telling struct{}

func (*telling) Auth(_ context.Context, user, password string) error {
	return fmt.Errorf("WRONGPASS for %s %s", user, password)
}
func (*telling) Close() error { return nil }

// idle is a connection that does nothing.
type idle struct{}

func (*idle) Auth(context.Context, string, string) error { return nil }
func (*idle) Close() error                               { return nil }

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
