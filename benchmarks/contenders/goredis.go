package contenders

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

func newGoRedisStatic(ctx context.Context, t Target) (Client, error) {
	creds, err := t.Source.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	o := goRedisOptions(t)
	o.Username, o.Password = creds.Username, creds.Password
	return goRedisClient{Client: redis.NewClient(o)}, nil
}

func newGoRedisStreaming(_ context.Context, t Target) (Client, error) {
	t = t.withDefaults()
	f := &feed{source: t.Source, listeners: listeners{}}
	o := goRedisOptions(t)
	o.StreamingCredentialsProvider = f
	c := goRedisClient{redis.NewClient(o), t.OnRotation(f.tell)}
	if t.OnAuth != nil {
		c.AddHook(authTimer(t.OnAuth))
	}
	return c, nil
}

// quiet silences go-redis, which logs to the standard error for the whole process, such as each connection that is passed
// over because it waits for its AUTH.
var quiet = sync.OnceFunc(logging.Disable)

func goRedisOptions(t Target) *redis.Options {
	quiet()
	t = t.withDefaults()
	return &redis.Options{
		Network: t.Network, Addr: t.Addr, TLSConfig: t.TLSConfig, PoolSize: t.PoolSize,
		ContextTimeoutEnabled: true, // else it would let a command outlast its ctx, which neither rueidis nor our pool does
		ReadBufferSize:        t.Buffers, WriteBufferSize: t.Buffers,
	}
}

// goRedisClient is a [Client] of go-redis.
type goRedisClient struct {
	*redis.Client
	unsubscribe func() // nil: nothing is
}

func (c goRedisClient) Get(ctx context.Context, key string) (string, error) {
	return c.Client.Get(ctx, key).Result()
}

func (c goRedisClient) Set(ctx context.Context, key, value string) error {
	return c.Client.Set(ctx, key, value, 0).Err()
}

func (c goRedisClient) Transact(ctx context.Context, key string) error {
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Incr(ctx, key).Err() })
	return err
}

func (c goRedisClient) Push(ctx context.Context, key, value string) error {
	return c.RPush(ctx, key, value).Err()
}

func (c goRedisClient) Pop(ctx context.Context, key string, wait time.Duration) (string, error) {
	got, err := c.BLPop(ctx, wait, key).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "", nil
	case err != nil:
		return "", err
	}
	return got[1], nil
}

func (c goRedisClient) Publish(ctx context.Context, channel, message string) error {
	return c.Client.Publish(ctx, channel, message).Err()
}

func (c goRedisClient) Subscribe(ctx context.Context, channel string, ready func(), got func(string)) error {
	s := c.Client.Subscribe(ctx, channel)
	defer s.Close()
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	for {
		m, err := s.Receive(ctx)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *redis.Subscription:
			ready()
		case *redis.Message:
			got(m.Payload)
		}
	}
}

func (c goRedisClient) Close() {
	if c.unsubscribe != nil {
		c.unsubscribe()
	}
	_ = c.Client.Close()
}

// authTimer is a hook of go-redis that is told how long each AUTH took.
type authTimer func(time.Duration)

func (f authTimer) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (f authTimer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "auth" {
			return next(ctx, cmd)
		}
		begun := time.Now()
		err := next(ctx, cmd)
		f(time.Since(begun))
		return err
	}
}

func (f authTimer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
