package resp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// Dial connects to the server at addr, as [net.Dial] takes it, and asks for RESP3; ctx bounds all of that. A server
// that wants a login first does not fail it: [Conn.Auth] comes next. One that knows no RESP3 gets RESP2.
//
// The error is an [*auth.ConfigError] if opts cannot work, an [*Error] if the server refuses
// the connection, and else that of the network. nil opts are the defaults: no TLS.
func Dial(ctx context.Context, network, addr string, opts *Options) (*Conn, error) {
	o, err := opts.withDefaults(addr)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	raw, err := o.DialContext(ctx, network, addr)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	conn := raw
	if o.TLSConfig != nil {
		t := tls.Client(raw, o.TLSConfig)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, dialError(ctx, err)
		}
		conn = t
	}
	c := &Conn{conn: conn, raw: beneath(conn), onPush: o.OnPush, r: newReader(conn, o.MaxReply)}
	if o.RESP2 {
		return c, nil
	}
	if err := c.greetServer(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// greetServer asks for RESP3.
func (c *Conn) greetServer(ctx context.Context) error {
	w, err := c.enter(ctx)
	if err != nil {
		return err
	}
	return c.leave(ctx, w, c.hello(new(Value)))
}

// dialError returns the error of a connection that did not come to be.
func dialError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	return fmt.Errorf("resp: %w", err)
}

// beneath returns the connection that c, of TLS or package reauth perhaps, is around.
func beneath(c net.Conn) net.Conn {
	for {
		around, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = around.NetConn()
	}
}
