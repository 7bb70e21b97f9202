package testutil_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// A test of one's own needs no Azure: real azidentity gets real tokens of a fake Entra ID, and
// a real client logs in with them. In a test, NewEntra(t, nil) and NewRedis(t, entra, nil) are shorter.
func Example() {
	entra, err := testutil.StartEntra(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer entra.Close()
	redis, err := testutil.StartRedis(entra, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	if err != nil {
		log.Fatal(err)
	}

	// From here on it is what a program does.
	ctx := context.Background()
	source, err := auth.NewTokenSource(ctx, cred, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	client, err := rueidisentra.NewClient(redis.ClientOption(), source, &rueidisentra.Options{Reauth: rueidisentra.Native})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Do(ctx, client.B().Set().Key("greeting").Value("hello").Build()).Error(); err != nil {
		log.Fatal(err)
	}
	greeting, err := client.Do(ctx, client.B().Get().Key("greeting").Build()).ToString()
	fmt.Println(greeting, err)
	fmt.Println("tokens issued:", len(entra.Issued()), "connections lost:", redis.Stats().ClosedOnExpiry)
	// Output:
	// hello <nil>
	// tokens issued: 1 connections lost: 0
}
