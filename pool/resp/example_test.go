package resp_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/azure"
	"github.com/redisentra/redisentra/pool/resp"
	"github.com/redisentra/redisentra/testutil"
)

// A connection is dialed, logs in with a token, and carries commands.
func ExampleDial() {
	ctx := context.Background()
	redis, source, stop := azure.Start(ctx)
	defer stop()

	conn, err := resp.Dial(ctx, "tcp", redis.Addr(), &resp.Options{TLSConfig: redis.TLSConfig()})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	creds, err := source.Credentials(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := conn.Auth(ctx, creds.Username, creds.Password); err != nil {
		log.Fatal(err)
	}
	fmt.Println(conn.Do(ctx, "SET", "greeting", "hello"))
	fmt.Println(conn.Do(ctx, "GET", "greeting"))
	// Output:
	// OK <nil>
	// hello <nil>
}

// connect is what ExampleDial shows.
func connect(ctx context.Context, redis *testutil.Redis, source *auth.TokenSource) *resp.Conn {
	conn, err := resp.Dial(ctx, "tcp", redis.Addr(), &resp.Options{TLSConfig: redis.TLSConfig()})
	if err != nil {
		log.Fatal(err)
	}
	creds, err := source.Credentials(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := conn.Auth(ctx, creds.Username, creds.Password); err != nil {
		log.Fatal(err)
	}
	return conn
}

// The accessors of a Value know what a command may reply; errors of the server are errors.
func ExampleConn_Do() {
	ctx := context.Background()
	redis, source, stop := azure.Start(ctx)
	defer stop()
	conn := connect(ctx, redis, source)
	defer conn.Close()

	v, err := conn.Do(ctx, "INCRBY", "visits", "41")
	if err != nil {
		log.Fatal(err)
	}
	n, err := v.Int64()
	fmt.Println(n+1, err)

	v, err = conn.Do(ctx, "GET", "nothing")
	fmt.Println(v.IsNull(), err)

	_, err = conn.Do(ctx, "LPUSH", "visits", "x")
	if e, ok := errors.AsType[*resp.Error](err); ok {
		fmt.Println(e.Prefix())
	}
	// Output:
	// 42 <nil>
	// true <nil>
	// WRONGTYPE
}

// The commands of a pipeline share one way to the server and back.
func ExampleConn_Pipeline() {
	ctx := context.Background()
	redis, source, stop := azure.Start(ctx)
	defer stop()
	conn := connect(ctx, redis, source)
	defer conn.Close()

	replies, err := conn.Pipeline(ctx,
		[]string{"SET", "a", "one"},
		[]string{"INCR", "a"},
		[]string{"MGET", "a", "b"},
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range replies {
		if err := v.Err(); err != nil {
			fmt.Println("failed:", err)
			continue
		}
		fmt.Println(v)
	}
	// Output:
	// OK
	// failed: ERR value is not an integer or out of range
	// [one <nil>]
}
