package contenders

import (
	"context"
	"strconv"
	"time"

	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/pool/resp"
)

func newPool(_ context.Context, t Target) (Client, error) {
	t = t.withDefaults()
	p, err := pool.New(pool.Config[*respConn]{
		Dial: func(ctx context.Context) (*respConn, error) {
			c, err := resp.Dial(ctx, t.Network, t.Addr, &resp.Options{TLSConfig: t.TLSConfig})
			return &respConn{Conn: c, onAuth: t.OnAuth}, err
		},
		Source: t.Source, MaxSize: int32(t.PoolSize),
	})
	if err != nil {
		return nil, err
	}
	return poolClient{p, t}, nil
}

// respConn is a connection that tells how long AUTH takes.
type respConn struct {
	*resp.Conn
	onAuth func(time.Duration) // nil: nobody is told
	known  bool                // it has logged in before
}

func (c *respConn) Auth(ctx context.Context, username, password string) error {
	begun := time.Now()
	err := c.Conn.Auth(ctx, username, password)
	if c.onAuth != nil && c.known {
		c.onAuth(time.Since(begun))
	}
	c.known = true
	return err
}

// poolClient is a [Client] of our pool, with connections of resp.
type poolClient struct {
	*pool.Pool[*respConn]
	target Target
}

// do sends one command.
func (c poolClient) do(ctx context.Context, args ...string) (v resp.Value, err error) {
	err = c.Do(ctx, func(conn *respConn) (err error) {
		v, err = conn.Do(ctx, args...)
		return err
	})
	return v, err
}

func (c poolClient) Get(ctx context.Context, key string) (string, error) {
	v, err := c.do(ctx, "GET", key)
	if err != nil {
		return "", err
	}
	return v.Text()
}

func (c poolClient) Set(ctx context.Context, key, value string) error {
	_, err := c.do(ctx, "SET", key, value)
	return err
}

func (c poolClient) Transact(ctx context.Context, key string) error {
	return c.Do(ctx, func(conn *respConn) error {
		replies, err := conn.Pipeline(ctx, []string{"MULTI"}, []string{"INCR", key}, []string{"EXEC"})
		if err != nil {
			return err
		}
		for _, v := range replies {
			if err := v.Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c poolClient) Push(ctx context.Context, key, value string) error {
	_, err := c.do(ctx, "RPUSH", key, value)
	return err
}

func (c poolClient) Pop(ctx context.Context, key string, wait time.Duration) (string, error) {
	v, err := c.do(ctx, "BLPOP", key, strconv.Itoa(int(wait.Seconds())))
	if err != nil || v.IsNull() {
		return "", err
	}
	got, err := v.Array()
	if err != nil {
		return "", err
	}
	return got[1].Text()
}

func (c poolClient) Publish(ctx context.Context, channel, message string) error {
	_, err := c.do(ctx, "PUBLISH", channel, message)
	return err
}
