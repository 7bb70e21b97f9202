package pool_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisentra/redisentra/internal/azure"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/pool/resp"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/testutil"
)

// Microsoft's sample for clients that run for long fetches a token and connects with it. It sets and
// gets Az:key1, up to three times: before each it sends AUTH with another token if the one that it has lives for
// less than 300 seconds, and when the connection is lost it fetches a token and connects again. All other errors
// end it. Here the source has the token, the pool has the connections and what they are logged in with, and
// the policy says what is tried again.
//
// https://learn.microsoft.com/azure/azure-cache-for-redis/cache-azure-active-directory-for-authentication
func Example() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()

	connections, err := pool.New(pool.Config[*resp.Conn]{
		Dial: func(ctx context.Context) (*resp.Conn, error) {
			return resp.Dial(ctx, "tcp", redis.Addr(), &resp.Options{TLSConfig: redis.TLSConfig()})
		},
		Source: source,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer connections.Close()
	policy := retry.Policy{
		MaxAttempts: 3,
		Refresh:     source.Refresh,
		OnRetry:     func(a retry.Attempt) { fmt.Println("reconnecting:", a.Class) },
	}

	run := func() (value string, err error) {
		return retry.DoValue(ctx, policy, func(ctx context.Context) (value string, err error) {
			err = connections.Do(ctx, func(c *resp.Conn) error {
				if _, err := c.Do(ctx, "SET", "Az:key1", "value1"); err != nil {
					return err
				}
				v, err := c.Do(ctx, "GET", "Az:key1")
				if err != nil {
					return err
				}
				value, err = v.Text()
				return err
			})
			return value, err
		})
	}
	fmt.Println(run())
	redis.CloseConnections() // as when a node is replaced
	fmt.Println(run())
	// Output:
	// value1 <nil>
	// reconnecting: connection lost
	// value1 <nil>
}

// What another client needs to be pooled is a method Auth; Close and, if there is one, Err are used as they are.
// This is all for redigo, whose Dial has no context.
func ExampleConn() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()

	connections, err := pool.New(pool.Config[redigo]{
		Dial: func(context.Context) (redigo, error) {
			c, err := dialRedigo("tcp", redis.Addr(), redis)
			return redigo{c}, err
		},
		Source:      source,
		MaxIdleTime: 9 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer connections.Close()
	err = connections.Do(ctx, func(c redigo) error {
		reply, err := c.Do("PING")
		fmt.Println(reply)
		return err
	})
	fmt.Println(err)
	// Output:
	// PONG
	// <nil>
}

// redigo makes redigo's connections ones for the pool.
type redigo struct{ redigoConn }

func (c redigo) Auth(_ context.Context, username, password string) error {
	_, err := c.Do("AUTH", username, password)
	return err
}

// redigoConn is what is used here of github.com/gomodule/redigo/redis.Conn.
type redigoConn interface {
	Do(commandName string, args ...any) (reply any, err error)
	Err() error
	Close() error
}

// dialRedigo stands for redigo's Dial.
func dialRedigo(network, address string, redis *testutil.Redis) (redigoConn, error) {
	c, err := resp.Dial(context.Background(), network, address, &resp.Options{TLSConfig: redis.TLSConfig()})
	return lookalike{c}, err
}

type lookalike struct{ *resp.Conn }

func (c lookalike) Do(commandName string, args ...any) (any, error) {
	words := []string{commandName}
	for _, arg := range args {
		words = append(words, fmt.Sprint(arg))
	}
	v, err := c.Conn.Do(context.Background(), words...)
	return v.Any(), err
}
