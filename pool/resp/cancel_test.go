package resp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/pool/resp"
)

// contexts are ways in which a context ends; each after a second.
var contexts = map[string]struct {
	make func() (context.Context, context.CancelFunc)
	is   []error
}{
	"deadline": {func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), time.Second)
	}, []error{context.DeadlineExceeded}},
	"canceled": {func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		return ctx, cancel
	}, []error{context.Canceled}},
	"canceled with a cause": {func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(errFed) })
		return ctx, func() { cancel(nil) }
	}, []error{context.Canceled, errFed}},
	"a context of one's own": {func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		return &ownContext{ctx}, cancel
	}, []error{context.DeadlineExceeded}},
}

var errFed = errors.New("fed up")

// ownContext hides what it is from package context.
type ownContext struct{ ctx context.Context }

func (c *ownContext) Deadline() (time.Time, bool) { return c.ctx.Deadline() }
func (c *ownContext) Done() <-chan struct{}       { return c.ctx.Done() }
func (c *ownContext) Err() error                  { return c.ctx.Err() }
func (c *ownContext) Value(any) any               { return nil }

// requireInTime checks that f ends when its context does, with its error.
func requireInTime(t *testing.T, f func(context.Context) error) {
	t.Helper()
	for name, how := range contexts {
		ctx, cancel := how.make()
		begun := time.Now()
		err := f(ctx)
		require.Equal(t, time.Second, time.Since(begun), name)
		for _, want := range how.is {
			require.ErrorIs(t, err, want, name)
		}
		cancel()
	}
}

// The server takes part of a command, and says part of a reply, and then nothing any more.
func TestAContextThatEndsInACommandClosesTheConnection(t *testing.T) {
	for stage, part := range map[string]string{
		"before the reply": "", "in a line": "$5", "in a string": "$50\r\nhello", "in a long string": "$50000\r\nhello", "in an array": "*2\r\n:1\r\n",
		"behind a push": ">1\r\n+x\r\n", "in a push": ">2\r\n+x\r\n", "in attributes": "|1\r\n+a\r\n",
	} {
		for name, do := range map[string]func(context.Context, *resp.Conn) error{
			"Do":        func(ctx context.Context, c *resp.Conn) error { _, err := c.Do(ctx, "GET", "k"); return err },
			"Auth":      func(ctx context.Context, c *resp.Conn) error { return c.Auth(ctx, "u", "p") },
			"SUBSCRIBE": func(ctx context.Context, c *resp.Conn) error { _, err := c.Do(ctx, "SUBSCRIBE", "ch"); return err },
			"Pipeline": func(ctx context.Context, c *resp.Conn) error {
				_, err := c.Pipeline(ctx, []string{"GET", "k"}, []string{"GET", "k"})
				return err
			},
		} {
			t.Run(name+" "+stage, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					requireInTime(t, func(ctx context.Context) error {
						c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) { return part, nil }))
						err := do(ctx, c)
						requireUnusable(t, c)
						return err
					})
				})
			})
		}
	}
}

// requireUnusable checks that c is closed, and that nobody is told of the end of a context not theirs.
func requireUnusable(t *testing.T, c *resp.Conn) {
	t.Helper()
	_, err := c.Do(context.Background(), "PING")
	for _, err := range []error{err, c.Err(), c.Auth(context.Background(), "u", "p"), c.Listen(context.Background())} {
		require.ErrorIs(t, err, resp.ErrClosed)
		require.ErrorIs(t, err, net.ErrClosed)
		require.NotErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	}
	require.NoError(t, c.Close())
}

func TestAContextEndsWhatIsBeingWritten(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, do := range map[string]func(context.Context, *resp.Conn) error{
		"Do": func(ctx context.Context, c *resp.Conn) error { _, err := c.Do(ctx, "SET", "k", long); return err },
		"Pipeline": func(ctx context.Context, c *resp.Conn) error {
			_, err := c.Pipeline(ctx, []string{"GET", "k"}, []string{"SET", "k", long})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requireInTime(t, func(ctx context.Context) error {
					near, far := net.Pipe()
					defer far.Close()
					c, err := resp.Dial(ctx, "tcp", "localhost:1", &resp.Options{RESP2: true, DialContext: over(near)})
					require.NoError(t, err)
					err = do(ctx, c)
					requireUnusable(t, c)
					return err
				})
			})
		})
	}
}

// outer is a connection around another one, as those of package reauth are.
type outer struct {
	net.Conn
	closed bool
}

func (o *outer) NetConn() net.Conn { return o.Conn }

func (o *outer) Close() error {
	o.closed = true
	return o.Conn.Close()
}

// Close of TLS takes five seconds where the other side does not read.
func TestAContextEndsWhatIsBeingWrittenToTLSWhereverThatIs(t *testing.T) {
	s := httptest.NewTLSServer(nil) // for its certificate
	defer s.Close()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = "example.com"
	long := strings.Repeat("x", 1<<20)
	synctest.Test(t, func(t *testing.T) {
		requireInTime(t, func(ctx context.Context) error {
			near, far := net.Pipe()
			defer far.Close()
			go tls.Server(far, s.TLS).Handshake()
			around := &outer{Conn: tls.Client(near, config)}
			c, err := resp.Dial(ctx, "tcp", "localhost:1", &resp.Options{RESP2: true, DialContext: over(around)})
			require.NoError(t, err)
			_, err = c.Do(ctx, "SET", "k", long)
			requireUnusable(t, c)
			require.True(t, around.closed)
			return err
		})
	})
}

// tunnel is a connection without deadlines, like one through SSH.
type tunnel struct{ net.Conn }

func (tunnel) SetDeadline(time.Time) error { return errors.New("not supported") }

func TestAContextEndsCommandsOverAConnectionWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requireInTime(t, func(ctx context.Context) error {
			near, far := net.Pipe()
			defer far.Close()
			go io.Copy(io.Discard, far)
			c, err := resp.Dial(ctx, "tcp", "localhost:1", &resp.Options{RESP2: true, DialContext: over(tunnel{near})})
			require.NoError(t, err)
			_, err = c.Do(ctx, "GET", "k")
			requireUnusable(t, c)
			return err
		})
	})
}

func TestAContextEndsDial(t *testing.T) {
	for name, opts := range map[string]resp.Options{
		"in DialContext": {DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, errors.New("interrupted")
		}},
		"in the handshake": {TLSConfig: &tls.Config{}},
		"in HELLO":         {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requireInTime(t, func(ctx context.Context) error {
					near, far := net.Pipe()
					defer far.Close()
					go io.Copy(io.Discard, far)
					opts := opts
					if opts.DialContext == nil {
						opts.DialContext = over(near)
					}
					defer near.Close()
					c, err := resp.Dial(ctx, "tcp", "localhost:1", &opts)
					require.Nil(t, c)
					return err
				})
			})
		})
	}
}

func TestAContextThatHasEndedSendsNothing(t *testing.T) {
	commands := 0
	c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) {
		commands++
		return "+OK\r\n", nil
	}))
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := c.Do(ctx, "PING") // so that ctx is known
	require.NoError(t, err)
	cancel(errFed)
	expired, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()
	for ctx, want := range map[context.Context]error{ctx: errFed, expired: context.DeadlineExceeded} {
		_, err := c.Do(ctx, "PING")
		require.ErrorIs(t, err, want)
		_, err = c.Pipeline(ctx, []string{"PING"})
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, c.Auth(ctx, "u", "p"), want)
		require.ErrorIs(t, c.Listen(ctx), want)
		_, err = resp.Dial(ctx, "tcp", "localhost:1", &resp.Options{DialContext: func(context.Context, string, string) (net.Conn, error) { panic("dialed") }})
		require.ErrorIs(t, err, want)
	}
	require.NoError(t, c.Err())
	_, err = c.Do(t.Context(), "PING")
	require.NoError(t, err)
	require.Equal(t, 2, commands)
}

// A context that ends between two commands must not reach the next one.
func TestAContextThatEndsBetweenCommandsLeavesNoTrace(t *testing.T) {
	c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) { return "+OK\r\n", nil }))
	for i := range 2000 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := c.Do(ctx, "PING")
		require.NoError(t, err)
		if i%2 == 0 {
			cancel()
		} else {
			go cancel()
		}
		_, err = c.Do(t.Context(), "PING")
		require.NoError(t, err, i)
	}
}

// Whenever a context ends, a command is either done or has failed for that reason, and a
// connection that is still usable is in step.
func TestAContextMayEndAtAnyMoment(t *testing.T) {
	dial := func() *resp.Conn { return dialServer(t, resp.Options{}, resp3(echo)) }
	c := dial()
	done, failed := 0, 0
	for i := range 2000 {
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			for range i % 50 {
				_ = time.Now()
			}
			cancel()
		}()
		_, err := c.Do(ctx, "first")
		if err == nil {
			done++
		} else {
			failed++
			require.ErrorIs(t, err, context.Canceled)
		}
		if c.Err() != nil {
			require.Error(t, err)
			c = dial()
		}
		v, err := c.Do(context.Background(), "second")
		require.NoError(t, err)
		require.Equal(t, []any{"second"}, v.Any())
	}
	require.Positive(t, done)
	require.Positive(t, failed)
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	for name, do := range map[string]func(*resp.Conn) error{
		"Do": func(c *resp.Conn) error { _, err := c.Do(context.Background(), "GET", "k"); return err },
		"Pipeline": func(c *resp.Conn) error {
			_, err := c.Pipeline(context.Background(), []string{"a"}, []string{"b"})
			return err
		},
		"Listen": func(c *resp.Conn) error { return c.Listen(context.Background()) },
		"Auth":   func(c *resp.Conn) error { return c.Auth(context.Background(), "u", "p") },
		"a watched Do": func(c *resp.Conn) error {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			_, err := c.Do(ctx, "GET", "k")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) { return "", nil }))
				failed := make(chan error)
				go func() { failed <- do(c) }()
				synctest.Wait()
				for range 2 {
					go func() { _ = c.Close() }()
				}
				require.ErrorIs(t, <-failed, resp.ErrClosed)
				require.NoError(t, c.Close())
				requireUnusable(t, c)
			})
		})
	}
}
