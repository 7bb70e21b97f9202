package measure

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/pool/resp"
)

// opener opens n connections that have logged in and then do nothing, until release is called.
type opener func(ctx context.Context, t terminus, n int) (release func(), err error)

// holder is a contender that holds connections.
type holder struct {
	name     string
	open     opener
	inMemory bool // it can do without sockets
	most     int  // connections of it; 0: any number
}

// Ours, and for comparison other clients with what is their default. A connection of rueidis has buffers of a megabyte.
var holders = []holder{
	{name: "reauth", open: holdReauth, inMemory: true},
	{name: "pool", open: holdPool, inMemory: true},
	{name: "redigo-static", open: holdRedigo},
	{name: "go-redis-static", open: holdGoRedis, most: 1000},
	{name: "rueidis-static", open: holdRueidis, most: 100},
}

// hold is the floor: connections and nothing else.
func hold(ctx context.Context, t terminus, n int) (func(), error) {
	return holdConns(n, func() (net.Conn, error) {
		conn, err := t.dial(ctx)
		if err != nil {
			return nil, err
		}
		return conn, t.logIn(conn)
	})
}

func holdReauth(ctx context.Context, t terminus, n int) (func(), error) {
	wrap := reauth.Wrap(reauth.Config{Source: t.source()})
	return holdConns(n, func() (net.Conn, error) {
		conn, err := t.dial(ctx)
		if err != nil {
			return nil, err
		}
		c := wrap(conn)
		if _, err := c.Credentials(ctx); err != nil {
			return c, err
		}
		return c, t.logIn(c)
	})
}

// holdConns opens n connections, and closes those that it has if one cannot be opened.
func holdConns[C io.Closer](n int, open func() (C, error)) (release func(), err error) {
	conns := make([]C, 0, n)
	release = func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	for range n {
		c, err := open()
		if any(c) != nil {
			conns = append(conns, c)
		}
		if err != nil {
			release()
			return nil, err
		}
	}
	return release, nil
}

func holdPool(ctx context.Context, t terminus, n int) (func(), error) {
	p, err := pool.New(pool.Config[*resp.Conn]{
		Dial: func(ctx context.Context) (*resp.Conn, error) {
			return resp.Dial(ctx, "unix", t.socket, &resp.Options{
				RESP2:       t.socket == "",
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return t.dial(ctx) },
			})
		},
		Source: t.source(), MaxSize: int32(n),
	})
	if err != nil {
		return nil, err
	}
	leases := make([]pool.Lease[*resp.Conn], n)
	for i := range leases {
		if leases[i], err = p.Acquire(ctx); err != nil {
			break
		}
	}
	for _, l := range leases {
		l.Release()
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p.Close, nil
}

func holdRedigo(ctx context.Context, t terminus, n int) (func(), error) {
	p := &redis.Pool{
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "unix", t.socket, redis.DialPassword(t.password))
		},
		MaxActive: n, MaxIdle: n,
	}
	giveBack, err := holdConns(n, func() (redis.Conn, error) { return p.GetContext(ctx) })
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	giveBack()
	return func() { _ = p.Close() }, nil
}

func holdGoRedis(ctx context.Context, t terminus, n int) (func(), error) {
	c := goredis.NewClient(&goredis.Options{Network: "unix", Addr: t.socket, Password: t.password, PoolSize: n})
	giveBack, err := holdConns(n, func() (*goredis.Conn, error) {
		conn := c.Conn()
		return conn, conn.Ping(ctx).Err()
	})
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	giveBack()
	return func() { _ = c.Close() }, nil
}

func holdRueidis(ctx context.Context, t terminus, n int) (func(), error) {
	clients := make([]rueidis.Client, 0, n)
	release := func() {
		for _, c := range clients {
			c.Close()
		}
	}
	for range n {
		c, err := rueidis.NewClient(rueidis.ClientOption{
			InitAddress: []string{t.socket}, Password: t.password, ForceSingleClient: true, PipelineMultiplex: -1,
			DialCtxFn: t.dialRueidis,
		})
		if c != nil {
			clients = append(clients, c)
		}
		if err != nil {
			release()
			return nil, err
		}
	}
	return release, context.Cause(ctx)
}

// source returns credentials that live for a day.
func (t terminus) source() auth.Source {
	now := time.Now()
	creds := auth.Credentials{Username: "default", Password: t.password, IssuedAt: now, ExpiresAt: now.Add(24 * time.Hour)}
	return auth.SourceFunc(func(context.Context) (auth.Credentials, error) { return creds, nil })
}

// logIn logs in on conn.
func (t terminus) logIn(conn net.Conn) error {
	if _, err := fmt.Fprintf(conn, "*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$%d\r\n%s\r\n", len(t.password), t.password); err != nil {
		return err
	}
	var buf [64]byte
	if n, err := conn.Read(buf[:]); err != nil || !bytes.Equal(buf[:n], []byte("+OK\r\n")) {
		return fmt.Errorf("measure: the login was not answered with OK (%w)", err)
	}
	return nil
}
