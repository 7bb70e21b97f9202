// Package pool keeps connections to Redis logged in with a token that changes: a pool of
// any client's connections, over github.com/jackc/puddle/v2, that never hands one out on
// a token near its end while there is a newer one.
//
// A connection that is due gets its AUTH in place, at checkout or while it is idle, at a random
// moment of the window that [auth.Credentials.ReauthAt] describes. One that refuses it is replaced
// while the caller waits. What the pool cannot do is to send AUTH on a connection that is
// checked out: let go of each well before the three minutes that the window leaves, or make the
// connection look after itself with package auth/reauth.
//
// The default connection is that of package pool/resp; rueidisentra.Dialer plugs in rueidis'.
// The pool does not try anything again by itself; that is what package retry is for.
package pool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/isnil"
	"github.com/redisentra/redisentra/retry"
)

// ErrClosed says that the pool is closed.
var ErrClosed = errors.New("pool: closed")

// closePatience is how long Close waits for leases.
const closePatience = 5 * time.Second

// Conn is a connection of any client. The pool calls Auth when nobody has the connection,
// and Close at any time: while another call hangs, and more than once.
//
// A Conn that can tell may have a method Err() error, which returns an error once the
// connection is of no more use. Without it [Pool.Do] judges by the error that its function returns.
type Conn interface {
	// Auth sends AUTH. An error that [retry.Classify] finds to be AuthFailed says that the
	// server refused the credentials and the connection is as before.
	Auth(ctx context.Context, username, password string) error
	Close() error
}

// Config says what a [Pool] consists of. Dial and Source are required; zero values of the rest
// mean the defaults.
type Config[C Conn] struct {
	// Dial opens a connection, which the pool then logs in. ctx ends with DialTimeout or when
	// the pool is closed, but not with the ctx of a caller who waits for the connection.
	Dial        func(ctx context.Context) (C, error)
	DialTimeout time.Duration // bounds Dial and the login together, and any other AUTH; 10s

	Source auth.Source // what connections log in with

	MaxSize int32 // connections at most; 10 for each CPU that Go uses

	// MaxIdleTime is how long a connection may be idle before it is closed; 0: for ever. Azure closes
	// connections that are idle for 10 minutes, so 9 minutes are a good choice there:
	// https://learn.microsoft.com/azure/azure-cache-for-redis/cache-best-practices-connection
	MaxIdleTime time.Duration
	// MaxLifetime is how old a connection may be when it is handed out, less up to a tenth,
	// so that connections that were opened together are not closed together; 0: any age.
	MaxLifetime time.Duration

	// Check is called before a connection that has been idle is handed out, with the
	// caller's ctx, for DialTimeout at most. An error closes the connection and another one is taken.
	Check func(ctx context.Context, c C) error
}

// Pool is a pool of connections, safe for concurrent use.
type Pool[C Conn] struct {
	cfg    Config[C]
	source auth.Source
	places *puddle.Pool[*member[C]]

	born    time.Time       // when clock was 0
	skew    atomic.Int64    // what the wall clock has moved more than the monotonic one since
	ctx     context.Context // of what the pool does by itself
	cancel  context.CancelCauseFunc
	kick    chan struct{}                 // makes sweeping look for the next moment again
	swept   chan struct{}                 // closed when sweeping has ended
	sorting atomic.Pointer[chan struct{}] // closed, and nil again, once sweep has given back what it need not look after
	losses  atomic.Uint64                 // connections that were lost while someone had them
	closing sync.Once

	mu      sync.Mutex // guards members
	members map[*member[C]]struct{}

	opened, discarded, reauths, failedReauths atomic.Int64
}

// New returns a Pool without connections, or an [*auth.ConfigError]. Call its Close.
func New[C Conn](cfg Config[C]) (*Pool[C], error) {
	switch {
	case cfg.Dial == nil:
		return nil, bad("Dial", "is missing; it opens a connection")
	case isnil.Value(cfg.Source):
		return nil, bad("Source", "is missing; it gives what to log in with, such as an auth.TokenSource")
	case cfg.DialTimeout < 0:
		return nil, bad("DialTimeout", "is negative; 0 means 10s")
	case cfg.MaxSize < 0:
		return nil, bad("MaxSize", "is negative; 0 means 10 for each CPU")
	case cfg.MaxIdleTime < 0:
		return nil, bad("MaxIdleTime", "is negative; 0 means no limit")
	case cfg.MaxLifetime < 0:
		return nil, bad("MaxLifetime", "is negative; 0 means no limit")
	}
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, 10*time.Second)
	cfg.MaxSize = cmp.Or(cfg.MaxSize, int32(min(10*runtime.GOMAXPROCS(0), 1<<20)))
	p := &Pool[C]{
		cfg: cfg, source: auth.LastValid(cfg.Source),
		born: time.Now(), kick: make(chan struct{}, 1), swept: make(chan struct{}), members: map[*member[C]]struct{}{},
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	places, err := puddle.NewPool(&puddle.Config[*member[C]]{Constructor: p.construct, Destructor: p.destruct, MaxSize: cfg.MaxSize})
	if err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	p.places = places
	go p.sweep()
	return p, nil
}

func bad(field, problem string) error {
	return &auth.ConfigError{Field: "pool.Config." + field, Problem: problem}
}

// Do calls f with a connection, and returns the error of either. The connection goes back
// to the pool unless f panics or the connection is of no more use.
func (p *Pool[C]) Do(ctx context.Context, f func(C) error) error {
	l, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer l.Discard() // which does nothing after Release
	if err = f(l.Conn()); !l.m.spoilt(err) {
		l.Release()
	}
	return err
}

// Close closes the pool: callers of Acquire get [ErrClosed]. It waits 5 seconds for leases to end,
// and then closes their connections as well. It returns when nothing of the pool runs any
// more, but for functions of the user that do not return.
func (p *Pool[C]) Close() {
	p.closing.Do(func() {
		p.cancel(ErrClosed)
		<-p.swept
		closed := make(chan struct{})
		go func() {
			p.places.Close()
			close(closed)
		}()
		for range 2 {
			select {
			case <-closed:
				return
			case <-time.After(closePatience):
				p.revoke()
			}
		}
	})
}

// revoke ends all leases.
func (p *Pool[C]) revoke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for m := range p.members {
		if n := m.lease.Load(); leased(n) {
			Lease[C]{m, n}.Discard()
		}
	}
}

// Stat is a snapshot of a [Pool].
type Stat struct {
	MaxSize  int32
	Total    int32 // connections, with those being opened
	Acquired int32 // of them, those that callers have or that are getting their AUTH
	Idle     int32

	Waits    int64         // calls of Acquire for which no connection was idle
	WaitTime time.Duration // that they took, all together

	New           int64 // connections that were opened
	Discarded     int64 // connections that were closed before the pool was: broken, refused, or too old
	Reauths       int64 // AUTHs that the server accepted on a connection that had logged in before
	FailedReauths int64 // such AUTHs that failed
}

// Stat returns the current state and the counts since New.
func (p *Pool[C]) Stat() Stat {
	s := p.places.Stat()
	return Stat{
		MaxSize: s.MaxResources(), Total: s.TotalResources(), Acquired: s.AcquiredResources(), Idle: s.IdleResources(),
		Waits: s.EmptyAcquireCount(), WaitTime: s.EmptyAcquireWaitTime(),
		New: p.opened.Load(), Discarded: p.discarded.Load(), Reauths: p.reauths.Load(), FailedReauths: p.failedReauths.Load(),
	}
}

// failure says why ctx ended, be it the pool's or a caller's.
func failure(ctx context.Context) error {
	cause := context.Cause(ctx)
	if err := ctx.Err(); !errors.Is(cause, err) && cause != ErrClosed {
		return fmt.Errorf("pool: %w: %w", err, cause)
	}
	return fmt.Errorf("pool: %w", cause)
}

// spoilt reports whether err, that a user of m's connection had, is the connection's end.
func (m *member[C]) spoilt(err error) bool {
	if err == nil {
		return false
	}
	switch retry.Classify(err) {
	case retry.AuthFailed: // it is logged out
		return true
	case retry.ConnectionLost:
		return m.health == nil
	default:
		ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
		return m.health == nil && ended
	}
}
