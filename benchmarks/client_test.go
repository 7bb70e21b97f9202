package benchmarks_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
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

func (s server) resp(b *testing.B) *resp.Conn {
	b.Helper()
	c, err := resp.Dial(b.Context(), "unix", s.socket, nil)
	require.NoError(b, err)
	b.Cleanup(func() { _ = c.Close() })
	require.NoError(b, c.Auth(b.Context(), "default", s.password))
	return c
}

func (s server) redigo(b *testing.B) redis.Conn {
	b.Helper()
	c, err := redis.Dial("unix", s.socket, redis.DialPassword(s.password))
	require.NoError(b, err)
	b.Cleanup(func() { _ = c.Close() })
	return c
}

func (s server) goredis(b *testing.B, size int) *goredis.Client {
	b.Helper()
	c := goredis.NewClient(&goredis.Options{Network: "unix", Addr: s.socket, Password: s.password, PoolSize: size, DisableIdentity: true})
	b.Cleanup(func() { _ = c.Close() })
	return c
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
	ours, one, many := s.resp(b), s.redigo(b), s.goredis(b, 1)
	compare(b, 100,
		variant{"raw", func(n int) {
			for range n {
				if _, err := raw.Write(get); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadAtLeast(raw, reply, want); err != nil {
					b.Fatal(err)
				}
			}
		}},
		variant{"resp", func(n int) {
			for range n {
				v, err := ours.Do(ctx, "GET", "key")
				if err != nil || text(v) != value {
					b.Fatal(v, err)
				}
			}
		}},
		variant{"redigo", func(n int) {
			for range n {
				if v, err := redis.String(one.Do("GET", "key")); err != nil || v != value {
					b.Fatal(v, err)
				}
			}
		}},
		variant{"go-redis", func(n int) {
			for range n {
				if v, err := many.Get(ctx, "key").Result(); err != nil || v != value {
					b.Fatal(v, err)
				}
			}
		}},
	)
}

// BenchmarkPipeline compares pipelines of 100 GETs on one connection. An operation is one GET.
func BenchmarkPipeline(b *testing.B) {
	ctx, s := context.Background(), newServer(b)
	const length = 100
	cmds := make([][]string, length)
	for i := range cmds {
		cmds[i] = []string{"GET", "key"}
	}
	ours, one, many := s.resp(b), s.redigo(b), s.goredis(b, 1)
	compare(b, 20*length,
		variant{"resp", func(n int) {
			for range n / length {
				replies, err := ours.Pipeline(ctx, cmds...)
				if err != nil {
					b.Fatal(err)
				}
				for _, v := range replies {
					if text(v) != value {
						b.Fatal(v)
					}
				}
			}
		}},
		variant{"redigo", func(n int) {
			for range n / length {
				for _, cmd := range cmds {
					if err := one.Send(cmd[0], cmd[1]); err != nil {
						b.Fatal(err)
					}
				}
				if err := one.Flush(); err != nil {
					b.Fatal(err)
				}
				for range cmds {
					if v, err := redis.String(one.Receive()); err != nil || v != value {
						b.Fatal(v, err)
					}
				}
			}
		}},
		variant{"go-redis", func(n int) {
			for range n / length {
				replies, err := many.Pipelined(ctx, func(p goredis.Pipeliner) error {
					for _, cmd := range cmds {
						p.Get(ctx, cmd[1])
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range replies {
					if v := r.(*goredis.StringCmd).Val(); v != value {
						b.Fatal(v)
					}
				}
			}
		}},
	)
}

// BenchmarkPooledGet compares GETs of 64 goroutines that share 16 connections.
func BenchmarkPooledGet(b *testing.B) {
	ctx, s := context.Background(), newServer(b)
	const goroutines, size = 64, 16
	ours, err := pool.New(pool.Config[*resp.Conn]{
		Dial: func(ctx context.Context) (*resp.Conn, error) {
			return resp.Dial(ctx, "unix", s.socket, nil)
		},
		Source: auth.Static("default", s.password), MaxSize: size,
	})
	require.NoError(b, err)
	defer ours.Close()
	redigo := &redis.Pool{
		Dial:      func() (redis.Conn, error) { return redis.Dial("unix", s.socket, redis.DialPassword(s.password)) },
		MaxActive: size, MaxIdle: size, Wait: true,
	}
	defer redigo.Close()
	many := s.goredis(b, size)
	each := func(get func() error) func(n int) {
		return func(n int) {
			var all sync.WaitGroup
			for range goroutines {
				all.Go(func() {
					for range n / goroutines {
						if err := get(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
		}
	}
	get := func(c *resp.Conn) error {
		_, err := c.Do(ctx, "GET", "key")
		return err
	}
	compare(b, 32*goroutines,
		variant{"pool", each(func() error { return ours.Do(ctx, get) })},
		variant{"redigo", each(func() error {
			c := redigo.Get()
			defer c.Close()
			_, err := redis.String(c.Do("GET", "key"))
			return err
		})},
		variant{"go-redis", each(func() error { return many.Get(ctx, "key").Err() })},
	)
}

func text(v resp.Value) string {
	s, _ := v.Text()
	return s
}
