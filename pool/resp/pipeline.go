package resp

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redisentra/redisentra/internal/wire"
)

const (
	// inKernel is what every kernel takes of a socket's writes while nobody reads.
	inKernel = 16 << 10
	// partSize is how much of a long pipeline is written at once.
	partSize = 32 << 10
)

// Pipeline sends several commands without waiting for their replies in between, and returns these,
// in order. An error that the server replies to a command is its Value, see [Value.Err], and
// does not concern the others. Each reply may take [Options.MaxReply]; all of them are held at once.
//
// If a command is refused, see the package's documentation, nothing is sent. If the connection fails or ctx ends,
// Pipeline returns the replies that came before, with an error like that of [Conn.Do].
//
// A pipeline may be larger than all buffers on the way: it is then written by a goroutine
// while the replies are read.
func (c *Conn) Pipeline(ctx context.Context, cmds ...[]string) ([]Value, error) {
	special := false
	for i, args := range cmds {
		what, err := classify(args)
		if err == nil && what == subscribe {
			_, err = refuse(args[0], "in a pipeline; use Do")
		}
		if err != nil {
			return nil, fmt.Errorf("%w (command %d of the pipeline)", err, i)
		}
		special = special || what != ordinary
	}
	w, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	if len(cmds) == 0 {
		c.release(w)
		return nil, nil
	}
	replies, err := c.pipeline(cmds)
	if special {
		for i := range replies {
			if what, _ := classify(cmds[i]); what != ordinary {
				c.settle(what, cmds[i], &replies[i])
			}
		}
	}
	return replies, c.leave(ctx, w, err)
}

// pipeline sends commands and reads their replies.
func (c *Conn) pipeline(cmds [][]string) ([]Value, error) {
	limit := 0
	switch c.raw.(type) {
	case *net.TCPConn, *net.UnixConn:
		limit = inKernel
	}
	c.out = c.out[:0]
	sent := 0
	for sent < len(cmds) && len(c.out) <= limit {
		c.out = wire.AppendCommand(c.out, cmds[sent]...)
		sent++
	}
	if len(c.out) <= limit || len(cmds) == 1 {
		if err := c.flush(); err != nil {
			return nil, err
		}
		return c.replies(len(cmds))
	}
	written := make(chan error, 1)
	go func() {
		err := c.writeParts(cmds[sent:])
		if err != nil {
			_ = c.raw.Close() // so that the reading ends as well
		}
		written <- err
	}()
	replies, err := c.replies(len(cmds))
	if err != nil {
		_ = c.raw.Close() // so that the writing ends as well
	}
	if writing := <-written; err == nil || errors.Is(err, net.ErrClosed) && writing != nil {
		err = writing
	}
	return replies, err
}

// writeParts writes what is in out, and then cmds.
func (c *Conn) writeParts(cmds [][]string) error {
	for {
		for len(cmds) > 0 && len(c.out) < partSize {
			c.out = wire.AppendCommand(c.out, cmds[0]...)
			cmds = cmds[1:]
		}
		if err := c.flush(); err != nil || len(cmds) == 0 {
			return err
		}
	}
}

// replies reads n replies.
func (c *Conn) replies(n int) ([]Value, error) {
	replies := make([]Value, n)
	for i := range replies {
		if err := c.receive(&replies[i]); err != nil {
			return replies[:i], err
		}
	}
	return replies, nil
}
