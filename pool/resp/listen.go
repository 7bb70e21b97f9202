package resp

import (
	"context"
	"fmt"

	"github.com/redisentra/redisentra/internal/wire"
)

// Listen hands pushes to [Options.OnPush] until ctx ends or the connection fails, and
// returns why, never nil. If ctx ends while no push is half read, the connection can still be used.
func (c *Conn) Listen(ctx context.Context) error {
	w, err := c.enter(ctx)
	if err != nil {
		return err
	}
	for {
		var v Value
		if err := c.r.await(); err != nil {
			if w != nil && w.state.Load() == broken && !c.gone.Load() {
				c.release(w)
				return ended(ctx)
			}
			return c.leave(ctx, w, err)
		}
		switch err := c.r.reply(&v); {
		case err != nil:
			return c.leave(ctx, w, err)
		case v.kind != KindPush:
			return c.leave(ctx, w, fmt.Errorf("%w: a reply of kind %v to no command", wire.ErrProtocol, v.kind))
		}
		c.push(v)
		// A server that never pauses would keep the deadline from being noticed.
		if w != nil && w.state.Load() == broken {
			c.release(w)
			return ended(ctx)
		}
	}
}
