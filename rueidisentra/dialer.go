package rueidisentra

import (
	"cmp"
	"context"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
)

// Conn is a dedicated connection of a rueidis client, for a pool.Pool.
type Conn struct {
	rueidis.DedicatedClient
}

// Dialer returns the Dial of a pool.Config whose connections are client's dedicated ones: a pool with a limit that callers
// wait for under their own context, and with counts. The client must be one of [NewClient], or otherwise log
// in by itself, and is to be closed after the pool; its BlockingPoolSize must not be less than the pool's MaxSize.
//
// rueidis gives Dial no context: it takes up to ClientOption.Dialer.Timeout, and its failure is
// the error of the first command, which is the pool's AUTH. Dial returns an [*auth.ConfigError]
// if client is a cluster's, where a dedicated connection belongs to one slot.
func Dialer(client rueidis.Client) func(context.Context) (*Conn, error) {
	return func(context.Context) (*Conn, error) {
		if client.Mode() == rueidis.ClientModeCluster {
			return nil, &auth.ConfigError{
				Field:   "rueidisentra.Dialer: client",
				Problem: "is a cluster's, and a dedicated connection reaches one node only; use the client itself",
			}
		}
		c, _ := client.Dedicate()
		return &Conn{c}, nil
	}
}

// Auth sends AUTH. An empty username is the default user.
func (c *Conn) Auth(ctx context.Context, username, password string) error {
	username = cmp.Or(username, "default")
	return c.Do(ctx, c.B().Auth().Username(username).Password(password).Build()).Error()
}

// Close closes the connection. It returns nil.
func (c *Conn) Close() error {
	c.DedicatedClient.Close()
	return nil
}
