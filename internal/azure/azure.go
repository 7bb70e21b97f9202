// Package azure stands for Azure in the examples.
package azure

import (
	"context"
	"log"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

// Start starts a fake Entra ID and a Redis that takes its tokens only, and returns that Redis and a source of
// such tokens. done ends all of it.
func Start(ctx context.Context) (redis *testutil.Redis, source *auth.TokenSource, done func()) {
	entra, err := testutil.StartEntra(nil)
	if err != nil {
		log.Fatal(err)
	}
	redis, err = testutil.StartRedis(entra, nil)
	if err != nil {
		log.Fatal(err)
	}
	cred, err := entra.ClientSecret(entra.NewPrincipal())
	if err != nil {
		log.Fatal(err)
	}
	source, err = auth.NewTokenSource(ctx, cred, nil)
	if err != nil {
		log.Fatal(err)
	}
	return redis, source, func() {
		_ = source.Close()
		redis.Close()
		entra.Close()
	}
}
