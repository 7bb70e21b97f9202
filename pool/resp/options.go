package resp

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/redisentra/redisentra/auth"
)

const (
	// maxReply is the default of Options.MaxReply. What is allocated on the way to a reply
	// stays below 1.5 times that and so below 64 MiB, see grow.
	maxReply = 32 << 20
	// maxDepth is how deep aggregates may nest: deeper than anything that Redis itself replies.
	maxDepth = 128
	// maxLine bounds simple strings and errors, whose length is not announced.
	maxLine = 1 << 20
	// maxNumber bounds numbers, big ones included, in characters: it takes long to convert long ones.
	maxNumber = 4 << 10
)

// Options adjust a [Conn]. The zero value of each field is its default.
type Options struct {
	// TLSConfig is what TLS is spoken with. It is not changed; without a ServerName the
	// host of the address is the name that the certificate must have. Default: no TLS,
	// over which no token should ever go.
	TLSConfig *tls.Config

	// DialContext opens the connection, on top of which TLS goes: the place for a proxy or a pipe
	// in memory. What it returns may be wrapped by package reauth if that has the TLS beneath it and
	// TLSConfig is nil. Default: that of a [net.Dialer].
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// RESP2 leaves the connection with RESP2: no HELLO is sent, there are no pushes and no
	// subscriptions. Default: RESP3 where the server knows it.
	RESP2 bool

	// OnPush is called with each push that is no confirmation of a subscription, by the goroutine
	// that is in Do, Auth, Pipeline or Listen, which waits for it. It must not use the connection: that is an error,
	// but for Close. Default: pushes are dropped.
	OnPush func(Value)

	// MaxReply is how much memory one reply may take, in bytes: the length of each string in it
	// and 64 for each element. A reply that announces more is refused before it is read, and the connection closed.
	// Whatever it is, aggregates nest 128 deep, and simple strings and errors have 1 MiB at most.
	// Default: 32 MiB. Negative: an error.
	MaxReply int
}

// withDefaults returns a checked copy of o for a connection to addr, with the defaults filled in.
func (o *Options) withDefaults(addr string) (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.MaxReply < 0 {
		return c, &auth.ConfigError{Field: "resp.Options.MaxReply", Problem: fmt.Sprintf("%d is negative; leave it 0 for the default, %d bytes", c.MaxReply, maxReply)}
	}
	c.MaxReply = cmp.Or(c.MaxReply, maxReply)
	if c.DialContext == nil {
		c.DialContext = new(net.Dialer).DialContext
	}
	if c.TLSConfig != nil && c.TLSConfig.ServerName == "" {
		c.TLSConfig = c.TLSConfig.Clone()
		host, _, err := net.SplitHostPort(addr)
		if (err != nil || host == "") && !c.TLSConfig.InsecureSkipVerify {
			return c, &auth.ConfigError{Field: "resp.Options.TLSConfig", Problem: fmt.Sprintf("has no ServerName, and the address %q no host; set the name that the server's certificate has", addr)}
		}
		c.TLSConfig.ServerName = host
	}
	return c, nil
}
