package benchmarks_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/pool/resp"
	"github.com/redisentra/redisentra/testutil"
)

// server is a real redis-server, reached over its own Unix socket: with nothing in between that
// is ours, and that runs in this process.
type server struct{ socket, password string }

const value = "0123456789abcdef"

func newServer(b *testing.B) server {
	b.Helper()
	s := testutil.NewRedisServer(b, testutil.NewEntra(b, nil), nil).AdminOption()
	server := server{s.InitAddress[0], s.Password}
	_, err := server.resp(b).Do(b.Context(), "SET", "key", value)
	require.NoError(b, err)
	return server
}

// never tells go-redis to set no deadlines. No client here does: redigo and resp do not by themselves.
const never = -2

func (s server) dialResp(ctx context.Context) (*resp.Conn, error) {
	return resp.Dial(ctx, "unix", s.socket, nil)
}

func (s server) resp(b *testing.B) *resp.Conn {
	b.Helper()
	c, err := s.dialResp(b.Context())
	require.NoError(b, err)
	b.Cleanup(func() { _ = c.Close() })
	require.NoError(b, c.Auth(b.Context(), "default", s.password))
	return c
}

func (s server) dialRedigo() (redis.Conn, error) {
	return redis.Dial("unix", s.socket, redis.DialPassword(s.password))
}

func (s server) redigo(b *testing.B) redis.Conn {
	b.Helper()
	c, err := s.dialRedigo()
	require.NoError(b, err)
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func (s server) goredis(b *testing.B, size int) *goredis.Client {
	b.Helper()
	c := goredis.NewClient(&goredis.Options{
		Network: "unix", Addr: s.socket, Password: s.password, PoolSize: size, ReadTimeout: never, WriteTimeout: never,
	})
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// isValue requires that a GET has returned value.
func isValue(got string, err error) error {
	if err == nil && got != value {
		err = fmt.Errorf("got %q", got)
	}
	return err
}

// getResp is one GET.
func getResp(ctx context.Context, c *resp.Conn) error {
	v, err := c.Do(ctx, "GET", "key")
	if err != nil {
		return err
	}
	return isValue(v.Text())
}

// BenchmarkGet compares one GET after the other on one connection. raw writes the bytes of the command and reads those of the reply.
func BenchmarkGet(b *testing.B) {
	ctx, s := context.Background(), newServer(b)
	raw, err := net.Dial("unix", s.socket)
	require.NoError(b, err)
	defer raw.Close()
	reply := make([]byte, 4096)
	_, err = fmt.Fprintf(raw, "AUTH %s\r\n", s.password)
	require.NoError(b, err)
	_, err = raw.Read(reply)
	require.NoError(b, err)
	get := []byte("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n")
	want := len("$16\r\n\r\n") + len(value)
	ours, redigo, sticky := s.resp(b), s.redigo(b), s.goredis(b, 1).Conn()
	defer sticky.Close()
	const n = 100
	compare(b, 1,
		variant{"raw", n, func() error {
			if _, err := raw.Write(get); err != nil {
				return err
			}
			_, err := io.ReadAtLeast(raw, reply, want)
			return err
		}},
		variant{"resp", n, func() error { return getResp(ctx, ours) }},
		variant{"redigo", n, func() error { return isValue(redis.String(redigo.Do("GET", "key"))) }},
		variant{"go-redis", n, func() error { return isValue(sticky.Get(ctx, "key").Result()) }},
	)
}

// BenchmarkPipeline compares pipelines of 100 GETs on one connection. An operation is one pipeline.
func BenchmarkPipeline(b *testing.B) {
	ctx, s := context.Background(), newServer(b)
	cmds := slices.Repeat([][]string{{"GET", "key"}}, 100)
	ours, redigo, sticky := s.resp(b), s.redigo(b), s.goredis(b, 1).Conn()
	defer sticky.Close()
	const n = 20
	compare(b, 1,
		variant{"redigo", n, func() error {
			for _, cmd := range cmds {
				if err := redigo.Send(cmd[0], cmd[1]); err != nil {
					return err
				}
			}
			replies, err := redis.Strings(redigo.Do("")) // which waits for all of them
			if err != nil {
				return err
			}
			for _, v := range replies {
				if err := isValue(v, nil); err != nil {
					return err
				}
			}
			return nil
		}},
		variant{"go-redis", n, func() error {
			replies, err := sticky.Pipelined(ctx, func(p goredis.Pipeliner) error {
				for _, cmd := range cmds {
					p.Get(ctx, cmd[1])
				}
				return nil
			})
			if err != nil {
				return err
			}
			for _, r := range replies {
				if err := isValue(r.(*goredis.StringCmd).Result()); err != nil {
					return err
				}
			}
			return nil
		}},
		variant{"resp", n, func() error {
			replies, err := ours.Pipeline(ctx, cmds...)
			if err != nil {
				return err
			}
			for _, v := range replies {
				if err := isValue(v.Text()); err != nil {
					return err
				}
			}
			return nil
		}},
	)
}

// BenchmarkPooledGet compares GETs of 64 goroutines that share 16 connections.
func BenchmarkPooledGet(b *testing.B) {
	ctx, s := context.Background(), newServer(b)
	const goroutines, n, size = 64, 64 * 32, 16
	ours, err := pool.New(pool.Config[*resp.Conn]{Dial: s.dialResp, Source: auth.Static("default", s.password), MaxSize: size})
	require.NoError(b, err)
	defer ours.Close()
	redigo := &redis.Pool{Dial: s.dialRedigo, MaxActive: size, MaxIdle: size, Wait: true}
	defer redigo.Close()
	many := s.goredis(b, size)
	compare(b, goroutines,
		variant{"redigo", n, func() error {
			c := redigo.Get()
			defer c.Close()
			return isValue(redis.String(c.Do("GET", "key")))
		}},
		variant{"go-redis", n, func() error { return isValue(many.Get(ctx, "key").Result()) }},
		variant{"pool", n, func() error {
			return ours.Do(ctx, func(c *resp.Conn) error { return getResp(ctx, c) })
		}},
	)
}
