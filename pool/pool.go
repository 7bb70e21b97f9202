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
	"golang.org/x/time/rate"

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
// connection is of no more use. It must not block. Without it [Pool.Do] judges by the error that its function returns.
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
	Dial func(ctx context.Context) (C, error)
	// DialTimeout bounds Dial together with the login, any other AUTH, and Check, whether or not they
	// heed their ctx; 10s.
	DialTimeout time.Duration

	// Source gives what connections log in with. Where it fails or hangs, the last credentials that
	// are still valid serve, as with [auth.LastValid].
	Source auth.Source

	// MaxSize is how many connections there are at most; 10 for each CPU that Go uses. One that gets its AUTH while
	// it is idle counts as in use: whoever comes in that moment gets another one, or waits.
	MaxSize int32

	// MaxIdleTime is how long a connection may be idle before it is closed; 0: for ever. Azure closes
	// connections that are idle for 10 minutes, so 9 minutes are a good choice there:
	// https://learn.microsoft.com/azure/azure-cache-for-redis/cache-best-practices-connection
	MaxIdleTime time.Duration
	// MaxLifetime is how old a connection may be when it is handed out, less up to a tenth,
	// so that connections that were opened together are not closed together; 0: any age.
	MaxLifetime time.Duration

	// Check is called before a connection that has been idle is handed out. ctx has the values of the caller's,
	// but ends with DialTimeout. If it returns an error, a new connection takes the place of this one.
	Check func(ctx context.Context, c C) error
}

// Pool is a pool of connections, safe for concurrent use.
type Pool[C Conn] struct {
	cfg    Config[C]
	source auth.Source
	places *puddle.Pool[*member[C]]

	ctx     context.Context // of what the pool does by itself
	cancel  context.CancelFunc
	running sync.WaitGroup // calls of Dial, Auth, Check and Close, which may outlast their ctx
	closing sync.Once

	losses    atomic.Uint64 // connections that were lost while someone had them
	fruitless *rate.Limiter // of questions to source for which there was nothing newer

	kick    chan struct{}                 // makes sweep look for the next moment again
	swept   chan struct{}                 // closed when sweep has ended
	overdue atomic.Bool                   // a connection that is late was released
	sorting atomic.Pointer[chan struct{}] // closed, and nil again, once sweep has given back what it need not look after

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
		fruitless: rate.NewLimiter(rate.Every(100*time.Millisecond), 10),
		kick:      make(chan struct{}, 1), swept: make(chan struct{}), members: map[*member[C]]struct{}{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	const decades = 1 << 61 // of nanoseconds, which can be added up
	p.cfg.MaxIdleTime, p.cfg.MaxLifetime = min(cfg.MaxIdleTime, decades), min(cfg.MaxLifetime, decades)
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
// to the pool unless it is of no more use: when f panics, when its method Err says so, when f's error is, to
// [retry.Classify], an AuthFailed, or, of a connection without Err, a ConnectionLost or the end of a context.
func (p *Pool[C]) Do(ctx context.Context, f func(C) error) error {
	l, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer l.drop() // which does nothing if the lease has ended
	err = f(l.Conn())
	class, mute := retry.Classify(err), l.m.health == nil
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	switch {
	case class == retry.AuthFailed: // it is logged out
	case ended && (mute || l.m.broken()): // it is out of step, which says nothing about others
	case class == retry.ConnectionLost && mute:
		l.Discard()
	default:
		l.Release()
	}
	return err
}

// Format implements [fmt.Formatter]: no verb shows what is held, or the Source.
func (p *Pool[C]) Format(f fmt.State, _ rune) { fmt.Fprint(f, "pool.Pool") }

// Close closes the pool. Acquire returns [ErrClosed] from then on, also to callers who have waited for a
// connection in use, as soon as there is one. Close waits 5 seconds for leases to end, and then ends them and closes
// their connections. It returns when nothing of the pool runs any more, except for functions of the user that
// do not return for 5 seconds more.
func (p *Pool[C]) Close() {
	p.closing.Do(func() {
		p.cancel()
		<-p.swept
		closed := make(chan struct{})
		go func() {
			p.places.Close()
			p.running.Wait()
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
			Lease[C]{m, n}.drop()
		}
	}
}

// Stat is a snapshot of a [Pool].
type Stat struct {
	MaxSize  int32
	Total    int32 // connections, with those being opened
	Acquired int32 // of them, those that callers have or that are getting their AUTH
	Idle     int32

	Waits    int64         // calls of Acquire that got a connection, but had to wait for it as none was idle
	WaitTime time.Duration // that they took, all together

	New           int64 // connections that were opened
	Discarded     int64 // connections that were closed: broken, refused, too old, or in use when Close would wait no longer
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
