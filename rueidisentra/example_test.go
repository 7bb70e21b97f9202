package rueidisentra_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/internal/azure"
	"github.com/redisentra/redisentra/pool"
	"github.com/redisentra/redisentra/rueidisentra"
)

func ExampleNewClient() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()

	client, err := rueidisentra.NewClient(rueidis.ClientOption{
		InitAddress:  []string{redis.Addr()}, // my-cache.westeurope.redis.azure.net:10000
		TLSConfig:    redis.TLSConfig(),      // nil for a cache in Azure
		DisableCache: true,                   // miniredis has no client-side caching
	}, source, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	if err := client.Do(ctx, client.B().Set().Key("greeting").Value("hello").Build()).Error(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Do(ctx, client.B().Get().Key("greeting").Build()).ToString())
	// Output: hello <nil>
}

// Configure returns an option for whatever builds a client of its own: rueidisotel,
// rueidislock, rueidisaside.
func ExampleConfigure() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()

	option, err := rueidisentra.Configure(redis.ClientOption(), source, nil)
	if err != nil {
		log.Fatal(err)
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(client.Do(ctx, client.B().Ping().Build()).ToString())
	// Output: PONG <nil>
}

// A pool of rueidis' dedicated connections, for transactions: whoever finds all in use waits under a context of
// its own.
func ExampleDialer() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()

	client, err := rueidisentra.NewClient(redis.ClientOption(), source, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	p, err := pool.New(pool.Config[*rueidisentra.Conn]{Dial: rueidisentra.Dialer(client), Source: source, MaxSize: 10})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()

	err = p.Do(ctx, func(c *rueidisentra.Conn) error {
		replies := c.DoMulti(ctx, c.B().Multi().Build(), c.B().Incr().Key("visits").Build(), c.B().Exec().Build())
		fmt.Println(replies[2].AsIntSlice())
		return replies[2].Error()
	})
	fmt.Println(err, p.Stat().New)
	// Output:
	// [1] <nil>
	// <nil> 1
}

// What cannot work is refused, with what to do.
func ExampleConfigure_refused() {
	option := rueidis.ClientOption{InitAddress: []string{"my-cache.redis.azure.net"}}
	_, err := rueidisentra.Configure(option, auth.Static("user", "password"), nil)
	var config *auth.ConfigError
	fmt.Println(errors.As(err, &config))
	fmt.Println(err)
	// Output:
	// true
	// rueidisentra: ClientOption.InitAddress: "my-cache.redis.azure.net" is not host:port; the port is 10000 (Azure Managed Redis) or 6380 (Azure Cache for Redis), both of which speak TLS
}
