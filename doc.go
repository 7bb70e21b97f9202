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
//   - [github.com/redisentra/redisentra/retry] tries operations of any client again
//     when a connection is lost, as Microsoft documents it.
//   - [github.com/redisentra/redisentra/pool] pools connections of any client and keeps
//     them logged in; [github.com/redisentra/redisentra/pool/resp] is a minimal one.
//   - [github.com/redisentra/redisentra/testutil] is the test kit: a fake Entra
//     ID, and Redis servers that enforce its tokens' expiry.
//
// What all of it costs, beside what others do, is measured in the module benchmarks.
//
// The command [github.com/redisentra/redisentra/cmd/redisentra] demonstrates
// all of it with nothing to install.
package redisentra
