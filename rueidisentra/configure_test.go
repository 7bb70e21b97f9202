package rueidisentra_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

func TestWhatCannotWorkIsRefusedBeforeAnythingIsSent(t *testing.T) {
	ok := auth.Static("user", "password")
	at := []string{"cache.example:10000"}
	for _, c := range []struct {
		name   string
		option rueidis.ClientOption
		source auth.Source
		opts   *rueidisentra.Options
		field  string
	}{
		{"nil source", rueidis.ClientOption{InitAddress: at}, nil, nil, "source"},
		{"nil pointer as source", rueidis.ClientOption{InitAddress: at}, (*auth.TokenSource)(nil), nil, "source"},
		{"nil func as source", rueidis.ClientOption{InitAddress: at}, auth.SourceFunc(nil), nil, "source"},
		{"no address", rueidis.ClientOption{}, ok, nil, "InitAddress"},
		{"empty address", rueidis.ClientOption{InitAddress: []string{""}}, ok, nil, "InitAddress"},
		{"no port", rueidis.ClientOption{InitAddress: []string{"cache.example"}}, ok, nil, "InitAddress"},
		{"second address wrong", rueidis.ClientOption{InitAddress: []string{at[0], ":6380"}}, ok, nil, "InitAddress"},
		{"replica without port", rueidis.ClientOption{InitAddress: at, Standalone: rueidis.StandaloneOption{ReplicaAddress: []string{"replica.example"}}}, ok, nil, "ReplicaAddress"},
		{"user name", rueidis.ClientOption{InitAddress: at, Username: "u"}, ok, nil, "Username"},
		{"password", rueidis.ClientOption{InitAddress: at, Password: "p"}, ok, nil, "Password"},
		{"credentials function", rueidis.ClientOption{InitAddress: at, AuthCredentialsFn: func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
			return rueidis.AuthCredentials{}, nil
		}}, ok, nil, "AuthCredentialsFn"},
		{"sentinel", rueidis.ClientOption{InitAddress: at, Sentinel: rueidis.SentinelOption{MasterSet: "m"}}, ok, nil, "MasterSet"},
		{"RESP2", rueidis.ClientOption{InitAddress: at, AlwaysRESP2: true}, ok, nil, "AlwaysRESP2"},
		{"no pipelining", rueidis.ClientOption{InitAddress: at, DisableAutoPipelining: true}, ok, native, "DisableAutoPipelining"},
		{"events of Native", rueidis.ClientOption{InitAddress: at}, ok, &rueidisentra.Options{Reauth: rueidisentra.Native, OnReauth: func(reauth.Event) {}}, "OnReauth"},
		{"unknown mode", rueidis.ClientOption{InitAddress: at}, ok, &rueidisentra.Options{Reauth: 9}, "Reauth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dialled := false
			c.option.DialCtxFn = func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
				dialled = true
				return nil, errors.New("dialled")
			}
			client, err := rueidisentra.NewClient(c.option, c.source, c.opts)
			require.Nil(t, client)
			var config *auth.ConfigError
			require.ErrorAs(t, err, &config)
			require.Contains(t, config.Field, c.field)
			require.NotEmpty(t, config.Problem)
			require.False(t, dialled)
		})
	}
}

func TestTLSIsTheDefaultAndNamesTheCache(t *testing.T) {
	source := auth.Static("user", "password")
	at := []string{"cache.example:10000", "10.0.0.1:10000"}

	o, err := rueidisentra.Configure(rueidis.ClientOption{InitAddress: at}, source, nil)
	require.NoError(t, err)
	require.EqualValues(t, tls.VersionTLS12, o.TLSConfig.MinVersion)
	require.Equal(t, "cache.example", o.TLSConfig.ServerName)

	mine := &tls.Config{MinVersion: tls.VersionTLS13}
	o, err = rueidisentra.Configure(rueidis.ClientOption{InitAddress: at, TLSConfig: mine}, source, nil)
	require.NoError(t, err)
	require.EqualValues(t, tls.VersionTLS13, o.TLSConfig.MinVersion)
	require.Equal(t, "cache.example", o.TLSConfig.ServerName)
	require.Empty(t, mine.ServerName, "the caller's configuration is not changed")

	o, err = rueidisentra.Configure(rueidis.ClientOption{InitAddress: at, TLSConfig: &tls.Config{ServerName: "other"}}, source, nil)
	require.NoError(t, err)
	require.Equal(t, "other", o.TLSConfig.ServerName)

	plain := &rueidisentra.Options{AllowPlaintext: true}
	o, err = rueidisentra.Configure(rueidis.ClientOption{InitAddress: at}, source, plain)
	require.NoError(t, err)
	require.Nil(t, o.TLSConfig)
	o, err = rueidisentra.Configure(rueidis.ClientOption{InitAddress: at, TLSConfig: mine}, source, plain)
	require.NoError(t, err)
	require.NotNil(t, o.TLSConfig)
}

func TestNodesThatAreAnnouncedByAddressVerify(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedis(t, entra, nil)
	o, err := rueidisentra.Configure(redis.ClientOption(), auth.Static("user", "password"), nil)
	require.NoError(t, err)
	node := redis.Gateway.Addr() // 127.0.0.1, which the certificate does not name
	conn, err := o.DialCtxFn(t.Context(), node, &o.Dialer, o.TLSConfig)
	require.NoError(t, err)
	require.NoError(t, conn.Close())

	_, err = (&tls.Dialer{Config: redis.TLSConfig()}).DialContext(t.Context(), "tcp", node)
	require.ErrorContains(t, err, "IP SANs", "without us it would not")
}

func TestHostsAreVerifiedByTheirOwnNames(t *testing.T) {
	const name, ip, replica = "cache.example:10000", "10.0.0.1:10000", "10.0.0.2:10000"
	for _, c := range []struct {
		name                    string
		addrs                   []string
		dialled, userSaid, want string
	}{
		{"the first address", []string{name, ip}, "cache.example", "", "cache.example"},
		{"another host of a name", []string{name, ip}, "replica.example", "", "replica.example"},
		{"an address that was given", []string{name, ip}, "10.0.0.1", "", "10.0.0.1"},
		{"an address that was given for a replica", []string{name}, "10.0.0.2", "", "10.0.0.2"},
		{"a node that was announced by address", []string{name, ip}, "10.0.0.9", "", "cache.example"},
		{"such a node where a name was given second", []string{ip, name}, "10.0.0.9", "", "cache.example"},
		{"such a node where no name was given", []string{ip}, "10.0.0.9", "", "10.0.0.9"},
		{"a name that the user set", []string{name, ip}, "replica.example", "mine.example", "mine.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got *tls.Config
			option := rueidis.ClientOption{
				InitAddress: c.addrs, Standalone: rueidis.StandaloneOption{ReplicaAddress: []string{replica}},
				TLSConfig: &tls.Config{ServerName: c.userSaid},
				DialCtxFn: func(_ context.Context, _ string, _ *net.Dialer, cfg *tls.Config) (net.Conn, error) {
					got = cfg
					return nil, nil // a dialer with a bug
				},
			}
			o, err := rueidisentra.Configure(option, auth.Static("user", "password"), nil)
			require.NoError(t, err)
			_, err = o.DialCtxFn(t.Context(), c.dialled+":10000", &o.Dialer, o.TLSConfig)
			var config *auth.ConfigError
			require.ErrorAs(t, err, &config, "which is not a panic")
			require.Equal(t, c.want, got.ServerName)
		})
	}
}

func TestTheDialersOfTheUserAreChained(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	redis := testutil.NewRedis(t, entra, nil)
	source := tokenSource(t, entra)
	dial := func(addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		return (&tls.Dialer{NetDialer: d, Config: cfg}).Dial("tcp", addr)
	}
	for name, set := range map[string]func(o *rueidis.ClientOption, called *bool){
		"DialFn": func(o *rueidis.ClientOption, called *bool) {
			o.DialFn = func(addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
				*called = true
				return dial(addr, d, cfg)
			}
		},
		"DialCtxFn": func(o *rueidis.ClientOption, called *bool) {
			o.DialCtxFn = func(_ context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
				*called = true
				return dial(addr, d, cfg)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, called := redis.ClientOption(), false
			o.PipelineMultiplex = -1
			set(&o, &called)
			client, err := rueidisentra.NewClient(o, source, nil)
			require.NoError(t, err)
			defer client.Close()
			require.NoError(t, client.Do(t.Context(), client.B().Ping().Build()).Error())
			require.True(t, called)
		})
	}
}

// wrapped is a connection as metrics libraries wrap it.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func TestATokenNeverGoesOverPlaintextUnlessAllowed(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	plain := testutil.NewRedis(t, entra, &testutil.RedisOptions{Plaintext: true})
	secure := testutil.NewRedis(t, entra, nil)
	source := tokenSource(t, entra)

	o := plain.ClientOption()
	o.DialCtxFn = func(ctx context.Context, _ string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return plain.Dial(ctx) // ignores that it was to use TLS
	}
	_, err := rueidisentra.NewClient(o, source, nil)
	var config *auth.ConfigError
	require.ErrorAs(t, err, &config)
	require.Contains(t, config.Field, "DialCtxFn")
	require.Empty(t, plain.Auths())
	require.Eventually(t, func() bool { return plain.Stats().Open == 0 }, time.Minute, time.Millisecond, "it is closed")

	client, err := rueidisentra.NewClient(o, source, &rueidisentra.Options{AllowPlaintext: true})
	require.NoError(t, err)
	client.Close()
	require.NotEmpty(t, plain.Auths())

	o = secure.ClientOption()
	o.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		c, err := (&tls.Dialer{NetDialer: d, Config: cfg}).DialContext(ctx, "tcp", addr)
		return wrapped{wrapped{c}}, err
	}
	client, err = rueidisentra.NewClient(o, source, nil)
	require.NoError(t, err, "a wrapper that says what it wraps is fine")
	client.Close()
}

func TestCredentialsAreInstantOnceTheSourceIsWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entra := testutil.NewEntra(t, &testutil.EntraOptions{InMemory: true})
		source := tokenSource(t, entra)
		o, err := rueidisentra.Configure(rueidis.ClientOption{InitAddress: []string{"cache.example:10000"}}, source, native)
		require.NoError(t, err)
		entra.Hang()
		held, err := source.Credentials(t.Context())
		require.NoError(t, err)
		for time.Until(held.ExpiresAt) > 0 {
			begun := time.Now()
			moments := map[time.Time]bool{}
			for range 20 {
				c, err := o.AuthCredentialsFn(rueidis.AuthCredentialsContext{})
				require.NoError(t, err, "never an error while a token is valid")
				require.True(t, held.Password == c.Password)
				require.True(t, c.RefreshAfter.After(time.Now()))
				moments[c.RefreshAfter] = true
			}
			require.Zero(t, time.Since(begun))
			if left := time.Until(held.ExpiresAt); left > time.Minute {
				require.Greater(t, len(moments), 15, "connections do not come together, %v before the end", left)
			}
			time.Sleep(17 * time.Second)
		}
		begun := time.Now()
		_, err = o.AuthCredentialsFn(rueidis.AuthCredentialsContext{})
		require.Error(t, err)
		require.LessOrEqual(t, time.Since(begun), rueidis.DefaultDialTimeout, "bounded")
	})
}

func TestADialWithoutCredentialsEndsWithItsContextOrInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		hangs := auth.SourceFunc(func(context.Context) (auth.Credentials, error) { <-release; return auth.Credentials{}, nil })
		option := rueidis.ClientOption{InitAddress: []string{"cache.example:10000"}, Dialer: net.Dialer{Timeout: 3 * time.Second}}
		o, err := rueidisentra.Configure(option, hangs, nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, err = o.DialCtxFn(ctx, "cache.example:10000", &o.Dialer, o.TLSConfig)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 300*time.Millisecond, time.Since(begun))

		for _, ask := range []func() error{
			func() error {
				_, err := o.DialCtxFn(t.Context(), "cache.example:10000", &o.Dialer, o.TLSConfig)
				return err
			},
			func() error {
				_, err := o.AuthCredentialsFn(rueidis.AuthCredentialsContext{})
				return err
			},
		} {
			begun := time.Now()
			err := ask()
			require.Equal(t, 3*time.Second, time.Since(begun))
			require.EqualError(t, err, "rueidisentra: no credentials within 3s: i/o timeout")
			require.NotErrorIs(t, err, context.DeadlineExceeded, "no context of anybody's has ended")
			require.Equal(t, retry.ConnectionLost, retry.Classify(err))
		}
	})
}

func TestCredentialsThatNeverExpireAreNotRefreshed(t *testing.T) {
	o, err := rueidisentra.Configure(rueidis.ClientOption{InitAddress: []string{"cache.example:10000"}}, auth.Static("user", "password"), nil)
	require.NoError(t, err)
	c, err := o.AuthCredentialsFn(rueidis.AuthCredentialsContext{})
	require.NoError(t, err)
	require.Equal(t, rueidis.AuthCredentials{Username: "user", Password: "password"}, c)
}
