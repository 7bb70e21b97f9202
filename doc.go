// Package redisentra is a map: Microsoft Entra ID for Redis in Go, on
// github.com/redis/rueidis. The root package holds no code; start with the
// package that does what you need.
//
//   - [github.com/redisentra/redisentra/rueidisentra] makes a rueidis client
//     that logs in with Entra ID tokens, which rotate under it.
//   - [github.com/redisentra/redisentra/auth/reauth] is a net.Conn that keeps itself
//     authenticated, for any Redis client.
//   - [github.com/redisentra/redisentra/auth] keeps one identity's token fresh,
//     for anything.
//   - [github.com/redisentra/redisentra/testutil] is the test kit: a fake Entra
//     ID, and Redis servers that enforce its tokens' expiry.
//
// The command [github.com/redisentra/redisentra/cmd/redisentra] demonstrates
// all of it with nothing to install.
package redisentra
