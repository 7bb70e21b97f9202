package reauth_test

import (
	"bufio"
	"context"
	"fmt"
	"log"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/testutil"
)

// A client with a dialer of its own gets its connections wrapped there.
func ExampleWrap() {
	ctx := context.Background()
	entra, err := testutil.StartEntra(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer entra.Close()
	redis, err := testutil.StartRedis(entra, &testutil.RedisOptions{Plaintext: true}) // in Azure: TLS
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	if err != nil {
		log.Fatal(err)
	}
	source, err := auth.NewTokenSource(ctx, cred, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()

	wrap := reauth.Wrap(reauth.Config{Source: source})
	raw, err := redis.Dial(ctx)
	if err != nil {
		log.Fatal(err)
	}
	conn := wrap(raw)
	defer conn.Close()

	// The client logs in by itself; from then on the connection does.
	creds, err := conn.Credentials(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(conn, "*3\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(creds.Username), creds.Username, len(creds.Password), creds.Password)
	reply, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Printf("%q %v\n", reply, err)
	// Output: "+OK\r\n" <nil>
}
