package contenders

import (
	"context"
	"errors"
	"time"

	"github.com/gomodule/redigo/redis"
)

func newRedigoStatic(ctx context.Context, t Target) (Client, error) {
	creds, err := t.Source.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	return newRedigo(t, redis.DialUsername(creds.Username), redis.DialPassword(creds.Password)), nil
}

// redigoClient is a [Client] of redigo's pool. Commands do not look at ctx, as DoContext would start a goroutine
// for each of them: Target.Timeout bounds them.
type redigoClient struct {
	*redis.Pool
	timeout time.Duration
	// ready is called with each connection before it is used; nil: it is not.
	ready func(ctx context.Context, c redis.Conn) error
}

func newRedigo(t Target, login ...redis.DialOption) *redigoClient {
	t = t.withDefaults()
	options := append([]redis.DialOption{
		redis.DialConnectTimeout(t.Timeout), redis.DialReadTimeout(t.Timeout), redis.DialWriteTimeout(t.Timeout),
		redis.DialUseTLS(t.TLSConfig != nil), redis.DialTLSConfig(t.TLSConfig),
	}, login...)
	return &redigoClient{timeout: t.Timeout, Pool: &redis.Pool{
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, t.Network, t.Addr, options...)
		},
		MaxActive: t.PoolSize, MaxIdle: t.PoolSize, Wait: true,
	}}
}

// use calls f with a connection.
func (c *redigoClient) use(ctx context.Context, f func(redis.Conn) error) error {
	conn, err := c.GetContext(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if c.ready != nil {
		if err := c.ready(ctx, conn); err != nil {
			return err
		}
	}
	return f(conn)
}

func (c *redigoClient) Get(ctx context.Context, key string) (value string, err error) {
	err = c.use(ctx, func(conn redis.Conn) (err error) {
		value, err = redis.String(conn.Do("GET", key))
		return err
	})
	return value, err
}

func (c *redigoClient) Set(ctx context.Context, key, value string) error {
	return c.do(ctx, "SET", key, value)
}

func (c *redigoClient) do(ctx context.Context, cmd string, args ...any) error {
	return c.use(ctx, func(conn redis.Conn) error {
		_, err := conn.Do(cmd, args...)
		return err
	})
}

func (c *redigoClient) Transact(ctx context.Context, key string) error {
	return c.use(ctx, func(conn redis.Conn) error {
		if err := errors.Join(conn.Send("MULTI"), conn.Send("INCR", key)); err != nil {
			return err
		}
		_, err := conn.Do("EXEC")
		return err
	})
}

func (c *redigoClient) Push(ctx context.Context, key, value string) error {
	return c.do(ctx, "RPUSH", key, value)
}

func (c *redigoClient) Pop(ctx context.Context, key string, wait time.Duration) (item string, err error) {
	err = c.use(ctx, func(conn redis.Conn) error {
		got, err := redis.Strings(redis.DoWithTimeout(conn, wait+c.timeout, "BLPOP", key, int(wait.Seconds())))
		switch {
		case errors.Is(err, redis.ErrNil):
			return nil
		case err == nil:
			item = got[1]
		}
		return err
	})
	return item, err
}

func (c *redigoClient) Publish(ctx context.Context, channel, message string) error {
	return c.do(ctx, "PUBLISH", channel, message)
}

func (c *redigoClient) Subscribe(ctx context.Context, channel string, ready func(), got func(string)) error {
	conn, err := c.DialContext(ctx) // not of the pool, as it is closed at the end
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if c.ready != nil {
		if err := c.ready(ctx, conn); err != nil {
			return err
		}
	}
	s := redis.PubSubConn{Conn: conn}
	if err := s.Subscribe(channel); err != nil {
		return err
	}
	for {
		switch m := s.ReceiveWithTimeout(0).(type) {
		case error:
			return m
		case redis.Subscription:
			ready()
		case redis.Message:
			got(string(m.Data))
		}
	}
}

func (c *redigoClient) Close() { _ = c.Pool.Close() }
