package contenders

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/rueidisentra"
)

func newRueidisStatic(ctx context.Context, t Target) (Client, error) {
	o := rueidisOption(t)
	creds, err := t.Source.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	o.Username, o.Password = creds.Username, creds.Password
	return newRueidis(rueidis.NewClient(o))
}

func newRueidisNone(_ context.Context, t Target) (Client, error) {
	o := rueidisOption(t)
	o.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
		creds, err := t.Source.Credentials(context.Background())
		return rueidis.AuthCredentials{Username: creds.Username, Password: creds.Password}, err
	}
	return newRueidis(rueidis.NewClient(o))
}

func newRueidisNative(_ context.Context, t Target) (Client, error) {
	return newRueidis(rueidisentra.NewClient(rueidisOption(t), t.Source,
		&rueidisentra.Options{Reauth: rueidisentra.Native, AllowPlaintext: t.TLSConfig == nil}))
}

func newRueidisInStream(_ context.Context, t Target) (Client, error) {
	opts := &rueidisentra.Options{AllowPlaintext: t.TLSConfig == nil}
	if t.OnAuth != nil {
		opts.OnReauth = func(e reauth.Event) { t.OnAuth(e.Took) }
	}
	return newRueidis(rueidisentra.NewClient(rueidisOption(t), t.Source, opts))
}

func rueidisOption(t Target) rueidis.ClientOption {
	t = t.withDefaults()
	o := rueidis.ClientOption{
		InitAddress: []string{t.Addr}, TLSConfig: t.TLSConfig, ForceSingleClient: true,
		ReadBufferEachConn: t.Buffers, WriteBufferEachConn: t.Buffers, BlockingPoolSize: t.PoolSize,
		// A command that rueidis v1.0.79 tries again by itself is used for others while the lost connection may still be writing
		// it, which the race detector sees.
		DisableRetry: testing.Testing(),
	}
	if t.Network == "unix" {
		o.InitAddress = []string{"localhost:6379"} // which DialCtxFn does not look at
		o.DialCtxFn = func(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, t.Network, t.Addr)
		}
	}
	return o
}

// rueidisClient is a [Client] of rueidis.
type rueidisClient struct{ rueidis.Client }

func newRueidis(c rueidis.Client, err error) (Client, error) {
	if err != nil {
		return nil, err
	}
	return rueidisClient{c}, nil
}

func (c rueidisClient) Get(ctx context.Context, key string) (string, error) {
	return c.Do(ctx, c.B().Get().Key(key).Build()).ToString()
}

func (c rueidisClient) Set(ctx context.Context, key, value string) error {
	return c.Do(ctx, c.B().Set().Key(key).Value(value).Build()).Error()
}

func (c rueidisClient) Transact(ctx context.Context, key string) error {
	return c.Dedicated(func(d rueidis.DedicatedClient) error {
		for _, r := range d.DoMulti(ctx, d.B().Multi().Build(), d.B().Incr().Key(key).Build(), d.B().Exec().Build()) {
			if err := r.Error(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c rueidisClient) Push(ctx context.Context, key, value string) error {
	return c.Do(ctx, c.B().Rpush().Key(key).Element(value).Build()).Error()
}

func (c rueidisClient) Pop(ctx context.Context, key string, wait time.Duration) (string, error) {
	got, err := c.Do(ctx, c.B().Blpop().Key(key).Timeout(wait.Seconds()).Build()).AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err):
		return "", nil
	case err != nil:
		return "", err
	}
	return got[1], nil
}

func (c rueidisClient) Publish(ctx context.Context, channel, message string) error {
	return c.Do(ctx, c.B().Publish().Channel(channel).Message(message).Build()).Error()
}

func (c rueidisClient) Subscribe(ctx context.Context, channel string, ready func(), got func(string)) error {
	hooked := rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			ready()
		}
	})
	err := c.Receive(hooked, c.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) { got(m.Message) })
	if err == nil {
		err = errEnded
	}
	return err
}

// errEnded says that a subscription is over without its client giving a reason.
var errEnded = errors.New("contenders: the subscription has ended")
