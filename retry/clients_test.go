package retry_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// server is a redis-server that takes the tokens of source.
type server struct {
	*testutil.RedisServer
	entra  *testutil.Entra
	source *auth.TokenSource
}

func newServer(t *testing.T, opts *testutil.RedisServerOptions) server {
	t.Helper()
	s := server{entra: testutil.NewEntra(t, nil)}
	s.RedisServer = testutil.NewRedisServer(t, s.entra, opts)
	cred, err := s.entra.ClientSecret(s.entra.NewPrincipal())
	require.NoError(t, err)
	s.source, err = auth.NewTokenSource(t.Context(), cred, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.source.Close() })
	return s
}

func (s server) connect(t *testing.T, option rueidis.ClientOption) rueidis.Client {
	t.Helper()
	client, err := rueidisentra.NewClient(option, s.source, &rueidisentra.Options{AllowPlaintext: option.TLSConfig == nil})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// admin runs a command past the gateway.
func (s server) admin(t *testing.T, args ...string) {
	t.Helper()
	client, err := rueidis.NewClient(s.AdminOption())
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Do(t.Context(), client.B().Arbitrary(args...).Build()).Error())
}

// recorder notes the classes of what is tried again, and calls then after the first one.
type recorder struct {
	classes []retry.Class
	then    func()
}

func (r *recorder) onRetry(a retry.Attempt) {
	if r.classes = append(r.classes, a.Class); len(r.classes) == 1 && r.then != nil {
		r.then()
	}
}

func set(client rueidis.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		return client.Do(ctx, client.B().Set().Key("k").Value("v").Build()).Error()
	}
}

func exists(client rueidis.Client) func(context.Context) error {
	return func(ctx context.Context) error {
		return client.Do(ctx, client.B().Exists().Key("k").Build()).Error()
	}
}

func TestACommandOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	client := s.connect(t, s.ClientOption())
	require.NoError(t, s.Kill())
	r := recorder{then: func() { require.NoError(t, s.Restart()) }}
	require.NoError(t, retry.Do(t.Context(), retry.Policy{OnRetry: r.onRetry}, set(client)))
	require.NotEmpty(t, r.classes)
	for _, c := range r.classes {
		require.Equal(t, retry.ConnectionLost, c)
	}
	require.NoError(t, s.Kill())
	err := retry.Do(t.Context(), retry.Policy{InitialInterval: ms}, set(client))
	require.Equal(t, 3, gaveUp(t, err).Attempts)
	s.Gateway.Close()
	err = retry.Do(t.Context(), retry.Policy{InitialInterval: ms}, set(client))
	require.Equal(t, retry.ConnectionLost, gaveUp(t, err).Class, "%v", err)
}

func TestABlockedCommandOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	client := s.connect(t, s.ClientOption())
	cut := make(chan struct{})
	r := recorder{then: func() { close(cut); s.admin(t, "RPUSH", "list", "item") }}
	go func() {
		for {
			select {
			case <-cut:
				return
			case <-time.After(200 * ms):
				s.CloseConnections()
			}
		}
	}()
	got, err := retry.DoValue(t.Context(), retry.Policy{OnRetry: r.onRetry}, func(ctx context.Context) ([]string, error) {
		return client.Do(ctx, client.B().Blpop().Key("list").Timeout(0).Build()).AsStrSlice()
	})
	require.NoError(t, err)
	require.Equal(t, []string{"list", "item"}, got)
	require.Equal(t, retry.ConnectionLost, r.classes[0])
}

func TestWhateverRueidisSaysOfADeadServerIsALostConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	client := s.connect(t, s.ClientOption())
	dedicated, release := client.Dedicate()
	defer release()
	require.NoError(t, dedicated.Do(t.Context(), client.B().Ping().Build()).Error())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // as rueidis tries reads again
	defer cancel()
	subscribed := make(chan error, 1)
	go func() {
		subscribed <- client.Receive(ctx, client.B().Subscribe().Channel("c").Build(), func(rueidis.PubSubMessage) {})
	}()
	blocked := make(chan error, 1)
	go func() { blocked <- client.Do(ctx, client.B().Blpop().Key("list").Timeout(0).Build()).Error() }()
	require.Eventually(t, func() bool { return s.Stats().Open >= 3 }, 30*time.Second, ms)
	require.NoError(t, s.Kill())

	once := retry.RueidisDelay(retry.Policy{MaxAttempts: 1})
	option := s.ClientOption()
	option.RetryDelay, option.ForceSingleClient = once, true
	dead, err := rueidisentra.Configure(option, s.source, nil)
	require.NoError(t, err)
	other, err := rueidis.NewClient(dead)
	t.Cleanup(other.Close) // there is one although the first connection failed
	stream := client.DoStream(ctx, client.B().Get().Key("k").Build())
	for name, err := range map[string]error{
		"NewClient": err,
		"Do":        set(client)(ctx),
		"read":      exists(other)(ctx),
		"DoMulti":   client.DoMulti(ctx, client.B().Set().Key("k").Value("v").Build(), client.B().Incr().Key("n").Build())[1].Error(),
		"DoCache":   other.DoCache(ctx, client.B().Get().Key("k").Cache(), time.Minute).Error(),
		"DoStream":  stream.Error(),
		"dedicated": dedicated.Do(ctx, client.B().Incr().Key("n").Build()).Error(),
		"blocked":   <-blocked,
		"Receive":   other.Receive(ctx, client.B().Subscribe().Channel("c").Build(), func(rueidis.PubSubMessage) {}),
	} {
		require.Error(t, err, name)
		require.Equal(t, retry.ConnectionLost, retry.Classify(err), "%s: %T %v", name, err, err)
	}
	cancel()
	<-subscribed
}

// Commands of rueidis that wait for the same dial share it with the ctx of the one that came first.
func TestTheEndOfAnotherCommandsContextCanBeTakenForALostConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	option := s.ClientOption()
	option.ForceSingleClient, option.PipelineMultiplex = true, -1
	var hang atomic.Bool
	hanging := make(chan struct{}, 1)
	option.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		if hang.CompareAndSwap(true, false) {
			hanging <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return (&tls.Dialer{NetDialer: d, Config: cfg}).DialContext(ctx, "tcp", addr)
	}
	client := s.connect(t, option)
	shared := func(p retry.Policy) error {
		hang.Store(true)
		s.CloseConnections()
		ctx, cancel := context.WithCancel(t.Context())
		other := make(chan error, 1)
		go func() {
			for ctx.Err() == nil { // the first ones may find the connection that was closed
				_ = set(client)(ctx)
			}
			other <- ctx.Err()
		}()
		<-hanging
		err := retry.Do(t.Context(), p, func(ctx context.Context) error {
			time.AfterFunc(200*ms, cancel)
			return set(client)(ctx)
		})
		require.ErrorIs(t, <-other, context.Canceled)
		return err
	}
	var err error
	for n := 0; n < 5 && err == nil; n++ { // on a machine that pauses the operation may come too late to share anything
		err = shared(retry.Policy{})
	}
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, shared(retry.Policy{Classify: func(err error) retry.Class {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return retry.ConnectionLost // Do ends with its own ctx anyway
		}
		return retry.Classify(err)
	}}))
}

func TestARefusedLoginIsTriedAgainWithANewToken(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	client := s.connect(t, s.ClientOption())
	for name, op := range map[string]func(context.Context) error{
		"of a client that connects again": func(ctx context.Context) error { return set(client)(ctx) },
		"of a new client": func(ctx context.Context) error {
			client, err := rueidisentra.NewClient(s.ClientOption(), s.source, nil)
			if err != nil {
				return err
			}
			defer client.Close()
			return set(client)(ctx)
		},
	} {
		s.SetRefusing(true)
		s.CloseConnections()
		r := recorder{}
		refreshed := 0
		require.NoError(t, retry.Do(t.Context(), retry.Policy{MaxAttempts: 9, OnRetry: r.onRetry, Refresh: func(ctx context.Context) error {
			refreshed++
			s.SetRefusing(false)
			return s.source.Refresh(ctx)
		}}, op), name)
		require.Contains(t, r.classes, retry.AuthFailed, name)
		require.Equal(t, 1, refreshed, name)
	}
	require.GreaterOrEqual(t, s.source.Stats().Refreshes, uint64(1))

	s.SetRefusing(true)
	s.CloseConnections()
	err := retry.Do(t.Context(), retry.Policy{InitialInterval: ms, Refresh: s.source.Refresh}, func(ctx context.Context) error {
		_, err := rueidisentra.NewClient(s.ClientOption(), s.source, nil)
		return err
	})
	require.Equal(t, retry.AuthFailed, gaveUp(t, err).Class)
	var refused *rueidis.RedisError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "not assigned to this cache", "the hint of the ConnectError is kept")
}

func TestABusyServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	t.Run("MASTERDOWN", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, &testutil.RedisServerOptions{Args: []string{"--replica-serve-stale-data", "no"}})
		client := s.connect(t, s.ClientOption())
		s.admin(t, "REPLICAOF", "127.0.0.1", "1")
		r := recorder{then: func() { s.admin(t, "REPLICAOF", "NO", "ONE") }}
		require.NoError(t, retry.Do(t.Context(), retry.Policy{OnRetry: r.onRetry}, exists(client)))
		require.Equal(t, []retry.Class{retry.Busy}, r.classes)
	})
	t.Run("CLUSTERDOWN", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, &testutil.RedisServerOptions{Args: []string{"--cluster-enabled", "yes"}})
		option := s.ClientOption()
		option.ForceSingleClient = true
		client := s.connect(t, option)
		r := recorder{then: func() { s.admin(t, "CLUSTER", "ADDSLOTSRANGE", "0", "16383") }}
		require.NoError(t, retry.Do(t.Context(), retry.Policy{MaxAttempts: 20, OnRetry: r.onRetry}, set(client)))
		require.Contains(t, r.classes, retry.Busy)
	})
	t.Run("Entra ID", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, nil)
		down := true
		source := auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
			if down {
				return auth.Credentials{}, &auth.TokenError{Kind: auth.Unavailable, Status: 503}
			}
			return s.source.Credentials(ctx)
		})
		r := recorder{then: func() { down = false }}
		client, err := retry.DoValue(t.Context(), retry.Policy{OnRetry: r.onRetry}, func(context.Context) (rueidis.Client, error) {
			return rueidisentra.NewClient(s.ClientOption(), source, nil)
		})
		require.NoError(t, err)
		client.Close()
		require.Equal(t, []retry.Class{retry.Busy}, r.classes)
	})
}

func TestWhatRueidisCannotDoIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, &testutil.RedisServerOptions{ACL: []string{"~*", "&*", "+@all", "-set"}})
	client := s.connect(t, s.ClientOption())
	once := func(f func(context.Context) error) error {
		runs := 0
		err := retry.Do(t.Context(), retry.Policy{}, func(ctx context.Context) error { runs++; return f(ctx) })
		require.Equal(t, 1, runs, "%v", err)
		require.Error(t, err)
		return err
	}
	_, denied := rueidis.IsRedisErr(once(set(client)))
	require.True(t, denied)
	require.True(t, rueidis.IsRedisNil(once(func(ctx context.Context) error {
		return client.Do(ctx, client.B().Get().Key("none").Build()).Error()
	})))
	require.ErrorIs(t, once(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*ms)
		defer cancel()
		return client.Do(ctx, client.B().Blpop().Key("none").Timeout(0).Build()).Error()
	}), context.DeadlineExceeded)
	require.ErrorContains(t, once(func(context.Context) error {
		option := s.ClientOption()
		option.TLSConfig = &tls.Config{}
		_, err := rueidisentra.NewClient(option, s.source, nil)
		return err
	}), "unknown authority")
	require.ErrorContains(t, once(func(context.Context) error {
		option := s.ClientOption()
		option.TLSConfig.MaxVersion = tls.VersionTLS11
		_, err := rueidisentra.NewClient(option, s.source, nil)
		return err
	}), "tls")
	require.ErrorContains(t, once(func(context.Context) error {
		option := s.ClientOption()
		option.InitAddress = []string{plaintextPort(t)}
		_, err := rueidisentra.NewClient(option, s.source, nil)
		return err
	}), "does not speak TLS")
	closed := s.connect(t, s.ClientOption())
	closed.Close()
	require.ErrorIs(t, once(set(closed)), rueidis.ErrClosing)
}

// plaintextPort returns the address of a server that does not speak TLS.
func plaintextPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			_, _ = conn.Write([]byte("-ERR Protocol error\r\n"))
			_, _ = conn.Read(make([]byte, 64<<10))
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}
