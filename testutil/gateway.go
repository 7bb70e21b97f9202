package testutil

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// GatewayOptions say what a [Gateway] stands before.
type GatewayOptions struct {
	// Dial connects to the server behind; the context ends with the gateway. Required.
	Dial func(context.Context) (net.Conn, error)

	// Login decides whether username may log in with token. The connection then gets the
	// returned user of the server behind, and is closed when the login expires. Required.
	Login func(username, token string) (Login, error)

	TLSConfig *tls.Config // the server's; nil: plaintext
	InMemory  bool        // no sockets, for testing/synctest

	node bool // of a cluster: what is no TLS comes from another node, and is none of the gateway's business
}

// Login is what a token stands for at the server behind a [Gateway].
type Login struct {
	Username, Password string
	ExpiresAt          time.Time // when the connection is closed, unless it logs in anew
}

// Gateway stands before a Redis server and makes it accept tokens: each AUTH, and
// each HELLO with AUTH, is rewritten in the stream to a user of the server, which
// itself answers, in order, whatever else is pipelined. All other bytes pass
// unchanged. A login counts from the moment that the server has answered it, so
// one that waits behind a blocked command, or in a MULTI, comes too late like at a real server.
type Gateway struct {
	opts     GatewayOptions
	listener net.Listener
	dial     func(context.Context) (net.Conn, error)
	nobody   string // a password that no user has
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu       sync.Mutex // guards what follows
	closed   bool
	refusing bool
	conns    map[*gatewayConn]struct{}
	stats    GatewayStats
	auths    []Auth
}

// GatewayStats count what a [Gateway] saw.
type GatewayStats struct {
	Opened         int // connections accepted so far
	Open           int // connections open now
	Auths          int // logins that the server accepted
	Refused        int // logins that it refused
	Queued         int // logins that the server queued, inside a MULTI
	ClosedOnExpiry int // connections closed because their token had expired
}

// Auth tells of one login that was sent.
type Auth struct {
	At       time.Time // when it arrived
	Conn     int       // the number of its connection; the first is 1
	Username string
	OK       bool // its token was good
}

// StartGateway starts a gateway; call its Close.
func StartGateway(opts GatewayOptions) (*Gateway, error) {
	if opts.Dial == nil || opts.Login == nil {
		return nil, errors.New("testutil: GatewayOptions needs both Dial and Login")
	}
	l, dial, err := listen(opts.InMemory)
	if err != nil {
		return nil, err
	}
	if opts.node {
		l = split(l, opts.Dial)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g := &Gateway{cancel: cancel, opts: opts, listener: l, dial: dial, nobody: rand.Text(), conns: map[*gatewayConn]struct{}{}}
	g.wg.Go(func() { acceptAll(l, func(c net.Conn) { g.accept(ctx, c) }) })
	return g, nil
}

// Addr is the address to connect to, host:port.
func (g *Gateway) Addr() string { return g.listener.Addr().String() }

// Dial opens a connection to the gateway, without TLS of its own. With InMemory it
// is the only way in.
func (g *Gateway) Dial(ctx context.Context) (net.Conn, error) { return g.dial(ctx) }

// Close closes the listener and all connections, and joins their goroutines.
func (g *Gateway) Close() {
	g.cancel()
	_ = g.listener.Close()
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.CloseConnections()
	g.wg.Wait()
}

// CloseConnections cuts all connections, as a failing network would.
func (g *Gateway) CloseConnections() {
	g.mu.Lock()
	conns := slices.Collect(maps.Keys(g.conns))
	g.mu.Unlock()
	for _, c := range conns { // which takes their locks, so not under g's
		c.close()
	}
}

// SetRefusing makes the gateway refuse all tokens, good ones too, until it is
// set to false. Connections that are logged in stay so until their tokens expire.
func (g *Gateway) SetRefusing(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refusing = on
}

// Stats returns the counts of now.
func (g *Gateway) Stats() GatewayStats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stats
	s.Open = len(g.conns)
	return s
}

// Auths returns the logins so far, oldest first.
func (g *Gateway) Auths() []Auth {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.auths)
}

func (g *Gateway) count(f func(*GatewayStats)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.stats)
}

// accept serves a connection.
func (g *Gateway) accept(ctx context.Context, conn net.Conn) {
	if g.opts.TLSConfig != nil {
		conn = tls.Server(conn, g.opts.TLSConfig)
	}
	c := &gatewayConn{g: g, client: conn}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		_ = conn.Close()
		return
	}
	g.stats.Opened++
	c.number = g.stats.Opened
	g.conns[c] = struct{}{}
	g.wg.Go(func() { c.serve(ctx) })
}

// login asks whether username may log in, and records that it tried.
func (g *Gateway) login(c *gatewayConn, username, token string) (Login, error) {
	g.mu.Lock()
	refusing := g.refusing
	g.mu.Unlock()
	l, err := Login{}, errors.New("testutil: refusing")
	if !refusing {
		l, err = g.opts.Login(username, token)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.auths = append(g.auths, Auth{At: time.Now(), Conn: c.number, Username: username, OK: err == nil})
	return l, err
}
