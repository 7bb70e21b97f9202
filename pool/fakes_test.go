package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
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

func (*idle) Auth(context.Context, string, string) error { return nil }

func (*idle) Close() error { return nil }
