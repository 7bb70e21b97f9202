package testutil

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"

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
// either: no command permissions, no client-side caching, no pub/sub in RESP3.
type Redis struct {
	*Gateway
	// Mini is the server behind, to set up and look into its data. Logins are none of
	// its business: it has a user of its own for each principal.
	Mini *miniredis.Miniredis

	entra *Entra
	roots *x509.CertPool // that trust the certificate; nil: plaintext
	inMem bool

	mu      sync.Mutex        // guards what follows
	users   map[string]string // passwords of Mini's users, by oid
	revoked map[string]bool   // by oid
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
	r := &Redis{
		Mini: miniredis.NewMiniRedis(), entra: entra, inMem: opts.InMemory,
		users: map[string]string{}, revoked: map[string]bool{},
	}
	// With a password set, miniredis wants every connection to log in.
	r.Mini.RequireAuth(rand.Text())
	gateway := GatewayOptions{Dial: r.dialMini, Login: r.login, InMemory: opts.InMemory}
	if !opts.Plaintext {
		cert, roots, err := newCertificate("localhost")
		if err != nil {
			return nil, fmt.Errorf("testutil: %w", err)
		}
		r.roots = roots
		gateway.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
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
	// miniredis describes itself as a cluster of one, at the address behind the gateway.
	r.Mini.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
		if cmd == "CLUSTER" {
			c.WriteError("ERR This instance has cluster support disabled")
		}
		return cmd == "CLUSTER"
	})
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
func (r *Redis) Addr() string {
	_, port, _ := net.SplitHostPort(r.Gateway.Addr())
	return net.JoinHostPort("localhost", port)
}

// TLSConfig returns a client's configuration that trusts r, but leaves ServerName
// to the client; nil with Plaintext.
func (r *Redis) TLSConfig() *tls.Config {
	if r.roots == nil {
		return nil
	}
	return &tls.Config{RootCAs: r.roots, MinVersion: tls.VersionTLS12}
}

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

// Revoke takes p's assignment to the cache away: its logins are refused with WRONGPASS,
// while connections that are logged in stay until their tokens expire.
func (r *Redis) Revoke(p *Principal) { r.assign(p, false) }

// Assign undoes Revoke. All principals of the Entra are assigned to begin with.
func (r *Redis) Assign(p *Principal) { r.assign(p, true) }

func (r *Redis) assign(p *Principal, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked[p.ObjectID] = !on
}

// login is the gateway's: a good token gets the principal's user in miniredis.
func (r *Redis) login(username, token string) (Login, error) {
	oid, expires, err := r.entra.Verify(token)
	if err != nil {
		return Login{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if oid != username || r.revoked[oid] {
		return Login{}, errors.New("testutil: not the name of this token's principal, or not assigned")
	}
	if r.users[oid] == "" {
		r.users[oid] = rand.Text()
		r.Mini.RequireUserAuth(oid, r.users[oid])
	}
	return Login{Username: oid, Password: r.users[oid], ExpiresAt: expires}, nil
}

func (r *Redis) dialMini(ctx context.Context) (net.Conn, error) {
	if r.inMem {
		return r.Mini.Dial()
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", r.Mini.Addr())
}
