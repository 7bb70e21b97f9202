package testutil

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/redis/rueidis"
)

// RedisOptions adjust a [Redis]. The zero value of each field is its default.
type RedisOptions struct {
	Plaintext bool // no TLS
	InMemory  bool // no sockets, for testing/synctest; create it inside the bubble
}

// Redis is a miniredis behind a [Gateway]: like a cache in Azure it logs in with
// tokens of one [Entra] only, each principal as the user that its oid names, and
// closes connections whose token has expired. What miniredis cannot do it cannot
// either: no command permissions, no client-side caching, and no commands but those of
// pub/sub, PING and logins on a connection that has subscribed to something.
type Redis struct {
	*Gateway
	// Mini is the server behind, to set up and look into its data. Logins are none of
	// its business: it has a user of its own for each principal.
	Mini *miniredis.Miniredis

	*assignments
	client *tls.Config // what TLSConfig returns; nil: plaintext
	inMem  bool
}

// NewRedis starts a [Redis] that ends with the test.
func NewRedis(t TB, entra *Entra, opts *RedisOptions) *Redis {
	t.Helper()
	r, err := StartRedis(entra, opts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(r.Close)
	return r
}

// StartRedis starts a [Redis]; call its Close. nil opts means the defaults: TLS, with
// a certificate for localhost and no address, on a free port of loopback.
func StartRedis(entra *Entra, opts *RedisOptions) (*Redis, error) {
	if entra == nil {
		return nil, errors.New("testutil: StartRedis needs an Entra, whose tokens it accepts")
	}
	if opts == nil {
		opts = &RedisOptions{}
	}
	r := &Redis{Mini: miniredis.NewMiniRedis(), inMem: opts.InMemory}
	r.assignments = newAssignments(entra, func(name, password string) error {
		r.Mini.RequireUserAuth(name, password)
		return nil
	})
	// With a password set, miniredis wants every connection to log in.
	r.Mini.RequireAuth(rand.Text())
	gateway := GatewayOptions{Dial: r.dialMini, Login: r.admit, InMemory: opts.InMemory}
	if !opts.Plaintext {
		var err error
		if gateway.TLSConfig, r.client, err = newTLS(); err != nil {
			return nil, err
		}
	}
	if !opts.InMemory {
		if err := r.Mini.Start(); err != nil {
			return nil, fmt.Errorf("testutil: %w", err)
		}
	} else if c, err := r.Mini.Dial(); err != nil { // starts it without a socket
		return nil, fmt.Errorf("testutil: %w", err)
	} else {
		_ = c.Close()
	}
	r.Mini.Server().SetPreHook((&amendments{known: r.knows, peers: map[*server.Peer]map[string]bool{}}).hook)
	g, err := StartGateway(gateway)
	if err != nil {
		r.Mini.Close()
		return nil, err
	}
	r.Gateway = g
	return r, nil
}

// Close stops both servers.
func (r *Redis) Close() {
	r.Gateway.Close()
	r.Mini.Close()
}

// Addr is the address to connect to: localhost, which the certificate names, and the port.
func (r *Redis) Addr() string { return localhost(r.Gateway) }

// TLSConfig returns a client's configuration that trusts r, but leaves ServerName
// to the client; nil with Plaintext.
func (r *Redis) TLSConfig() *tls.Config { return r.client.Clone() }

// ClientOption returns what a rueidis client needs to reach r, credentials excepted.
func (r *Redis) ClientOption() rueidis.ClientOption {
	o := rueidis.ClientOption{InitAddress: []string{r.Addr()}, TLSConfig: r.TLSConfig(), DisableCache: true}
	if r.inMem {
		o.DialCtxFn = func(ctx context.Context, _ string, _ *net.Dialer, cfg *tls.Config) (net.Conn, error) {
			c, err := r.Dial(ctx)
			if err == nil && cfg != nil {
				c = tls.Client(c, cfg)
			}
			return c, err
		}
	}
	return o
}

func (r *Redis) dialMini(ctx context.Context) (net.Conn, error) {
	if r.inMem {
		return r.Mini.Dial()
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", r.Mini.Addr())
}
