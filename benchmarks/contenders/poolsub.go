package contenders

import (
	"context"
	"net"

	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/pool/resp"
)

// Subscribe has a connection of its own, which looks after itself: the pool cannot send AUTH on one that is in use for
// as long as a subscription lasts, and says so.
func (c poolClient) Subscribe(ctx context.Context, channel string, ready func(), got func(string)) error {
	wrap := reauth.Wrap(reauth.Config{Source: c.target.Source})
	conn, err := resp.Dial(ctx, c.target.Network, c.target.Addr, &resp.Options{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			raw, err := c.target.dial(ctx)
			if err != nil {
				return nil, err
			}
			return wrap(raw), nil
		},
		OnPush: func(v resp.Value) {
			if parts, err := v.Array(); err == nil && len(parts) == 3 {
				if kind, _ := parts[0].Text(); kind == "message" {
					message, _ := parts[2].Text()
					got(message)
				}
			}
		},
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	creds, err := c.target.Source.Credentials(ctx)
	if err != nil {
		return err
	}
	if err := conn.Auth(ctx, creds.Username, creds.Password); err != nil {
		return err
	}
	if _, err := conn.Do(ctx, "SUBSCRIBE", channel); err != nil {
		return err
	}
	ready()
	return conn.Listen(ctx)
}
