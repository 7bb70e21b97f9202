package auth_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

// The credential may be any of azidentity's; here it is one for a fake Entra ID.
func ExampleNewTokenSource() {
	entra, err := testutil.StartEntra(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer entra.Close()
	principal := entra.NewPrincipal()
	cred, err := entra.ClientSecret(principal)
	if err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	source, err := auth.NewTokenSource(ctx, cred, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()

	c, err := source.Credentials(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Username == principal.ObjectID, time.Until(c.ExpiresAt).Round(time.Minute))
	// Output: true 1h0m0s
}

// An error says what sort of thing went wrong, and what to do.
func ExampleTokenError() {
	err := &auth.TokenError{
		Kind: auth.Rejected, Status: 401, Code: "invalid_client",
		Detail: "AADSTS7000222: The provided client secret keys are expired", Hint: "create a new one",
	}
	fmt.Println(err)
	fmt.Println(err.Temporary())
	// Output:
	// auth: no token: rejected, HTTP 401, invalid_client: AADSTS7000222: The provided client secret keys are expired; create a new one
	// false
}

// A printed Credentials never shows its password.
func ExampleStatic() {
	c, err := auth.Static("default", "an access key").Credentials(context.Background())
	fmt.Println(c, err)
	// Output: {Username:default Password:[redacted] ExpiresAt:never} <nil>
}

// Passwords from anywhere: a file, a vault, another cloud.
func ExampleSourceFunc() {
	source := auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		return auth.Credentials{Username: "app", Password: "from the vault", ExpiresAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
	})
	c, err := source.Credentials(context.Background())
	fmt.Println(c.Username, c.ExpiresAt.Year(), err)
	// Output: app 2100 <nil>
}

// The last valid credentials serve while a source is down.
func ExampleLastValid() {
	down := false
	source := auth.LastValid(auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		if down {
			return auth.Credentials{}, fmt.Errorf("the vault is sealed")
		}
		return auth.Credentials{Username: "app", Password: "secret", ExpiresAt: time.Now().Add(time.Hour)}, nil
	}))
	_, err := source.Credentials(context.Background())
	fmt.Println(err)
	down = true
	c, err := source.Credentials(context.Background())
	fmt.Println(c.Username, err)
	// Output:
	// <nil>
	// app <nil>
}

// A connection of another client than rueidis sends its next AUTH at a moment of its own.
func ExampleCredentials_ReauthAt() {
	now := time.Now()
	c := auth.Credentials{Username: "app", Password: "token", IssuedAt: now, ExpiresAt: now.Add(time.Hour)}
	before := c.ExpiresAt.Sub(c.ReauthAt(now))
	fmt.Println(before < 4*time.Minute, before > 179*time.Second)
	// Output: true true
}
