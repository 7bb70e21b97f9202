// Package resp is a minimal Redis client: one connection, RESP3 or RESP2, and no more
// machinery than a command needs. It is the default connection of
// [github.com/redisentra/redisentra/pool], and useful alone. It is deliberately no
// client library: it knows no commands by type, follows no redirections of a cluster and
// never reconnects or retries.
//
// A [Conn] is for one goroutine at a time. Whatever goes wrong in the middle of a
// command, a context that ends included, leaves the connection closed and never out of step
// with the server; [Conn.Err] tells.
//
// # Commands that are refused
//
// A command is followed by its reply, and pushes may come at any time. Where that
// does not hold, [Conn.Do] and [Conn.Pipeline] return an error and send nothing: MONITOR,
// SYNC, PSYNC, CLIENT REPLY OFF and SKIP, and what would change the protocol or the login behind the connection's
// back, RESET and HELLO with arguments.
//
// Subscriptions need RESP3, where messages are pushes. Do with SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE
// or their opposites waits until the server has confirmed each channel, and returns the last
// confirmation. Channels must be named, as otherwise nobody knows how many confirmations there will be.
// In a pipeline, in a MULTI and under RESP2 they are refused.
//
// Streamed strings and aggregates, whose length is "?", are a protocol error: RESP3
// describes them, but Redis never sends them.
package resp
