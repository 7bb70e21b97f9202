package testutil

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"

	"github.com/redis/rueidis"
)

// RedisServerOptions adjust a [RedisServer]. The zero value of each field is its default.
type RedisServerOptions struct {
	Plaintext bool     // no TLS
	Args      []string // more arguments of redis-server, such as "--appendonly", "yes"
	ACL       []string // what principals may do, as ACL SETUSER takes it; everything: "~*", "&*", "+@all"
}

// RedisServer is a redis-server of this machine behind a [Gateway], for what [Redis]
// cannot do. It writes no data to disk unless Args say so, and dies with this process even
// when that is killed. It needs sh, and so a Unix.
type RedisServer struct {
	*Gateway
	*assignments
	client  *tls.Config // what TLSConfig returns; nil: plaintext
	process *process
	args    []string
}

// NewRedisServer starts a [RedisServer] that ends with the test. Without redis-server in
// PATH the test is skipped, but fails if the environment has CI set, as CI must not skip
// what it is there for.
func NewRedisServer(t TB, entra *Entra, opts *RedisServerOptions) *RedisServer {
	t.Helper()
	s, err := StartRedisServer(entra, opts)
	if err != nil {
		giveUp(t, err)
		return nil
	}
	t.Cleanup(s.Close)
	return s
}

// giveUp ends a test that has no server.
func giveUp(t TB, err error) {
	t.Helper()
	if s, ok := t.(interface{ Skipf(string, ...any) }); ok && errors.Is(err, ErrNoRedisServer) && os.Getenv("CI") == "" {
		s.Skipf("SKIPPED: %v", err)
		return
	}
	t.Fatalf("%v", err)
}

// StartRedisServer starts a [RedisServer]; call its Close. The error is [ErrNoRedisServer]
// if there is none. nil opts means the defaults: TLS, with a certificate for localhost
// and no address, on a free port of loopback.
func StartRedisServer(entra *Entra, opts *RedisServerOptions) (*RedisServer, error) {
	if entra == nil {
		return nil, errors.New("testutil: StartRedisServer needs an Entra, whose tokens it accepts")
	}
	if opts == nil {
		opts = &RedisServerOptions{}
	}
	var gateway GatewayOptions
	var client *tls.Config
	if !opts.Plaintext {
		var err error
		if gateway.TLSConfig, client, err = newTLS(); err != nil {
			return nil, err
		}
	}
	s, err := newRedisServer(entra, opts, gateway, client)
	if err != nil {
		return nil, err
	}
	if err := s.process.start(s.args...); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// newRedisServer returns a server that has not been started behind a gateway that has.
func newRedisServer(entra *Entra, opts *RedisServerOptions, gateway GatewayOptions, client *tls.Config) (*RedisServer, error) {
	acl := opts.ACL
	if acl == nil {
		acl = []string{"~*", "&*", "+@all"}
	}
	p, err := newProcess()
	if err != nil {
		return nil, err
	}
	s := &RedisServer{process: p, args: opts.Args, client: client}
	s.assignments = newAssignments(entra, func(name, password string) error {
		_, err := p.do(context.Background(), append([]string{"ACL", "SETUSER", name, "on", ">" + password}, acl...)...)
		return err
	})
	gateway.Dial, gateway.Login = p.dial, s.admit
	if s.Gateway, err = StartGateway(gateway); err != nil {
		p.remove()
		return nil, err
	}
	return s, nil
}

// Close stops both servers and removes the data.
func (s *RedisServer) Close() {
	s.process.remove() // first, as logins wait for its answers
	s.Gateway.Close()
}

// Kill kills the server behind the gateway, as a crash would; with it go all connections,
// and further ones are closed once they are accepted. The error tells that it had ended on its
// own. Neither Kill nor Restart nor Close may run at the same time as another one of them.
func (s *RedisServer) Kill() error { return s.process.kill() }

// Restart starts the server again, whether it runs or has ended, with whatever Args let it
// keep of its data.
func (s *RedisServer) Restart() error {
	_ = s.process.kill()
	s.forgetUsers()
	return s.process.start(s.args...)
}

// Addr is the address to connect to: localhost, which the certificate names, and the port.
func (s *RedisServer) Addr() string { return localhost(s.Gateway) }

// TLSConfig returns a client's configuration that trusts s, but leaves ServerName
// to the client; nil with Plaintext.
func (s *RedisServer) TLSConfig() *tls.Config { return s.client.Clone() }

// ClientOption returns what a rueidis client needs to reach s, credentials excepted.
func (s *RedisServer) ClientOption() rueidis.ClientOption {
	return rueidis.ClientOption{InitAddress: []string{s.Addr()}, TLSConfig: s.TLSConfig()}
}

// AdminOption returns all that a rueidis client needs to reach the server past the
// gateway, as its default user, who may do everything: to set up data, ACLs and failures.
func (s *RedisServer) AdminOption() rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress: []string{s.process.file("s")}, Password: s.process.password, ForceSingleClient: true,
		DialCtxFn: func(ctx context.Context, _ string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return s.process.dial(ctx)
		},
	}
}
