package rueidisentra

import (
	"context"
	"crypto/tls"
	"fmt"
	"iter"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/internal/isnil"
	"github.com/redisentra/redisentra/internal/redact"
)

// NewClient is [Configure] and [rueidis.NewClient]. What it returns is rueidis' own client.
//
// Errors: those of Configure, and a [*ConnectError] when the first connection fails,
// by which the *auth.TokenError of a source can be had with errors.As.
func NewClient(option rueidis.ClientOption, source auth.Source, opts *Options) (rueidis.Client, error) {
	option, err := Configure(option, source, opts)
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		if client != nil {
			client.Close() // with ForceSingleClient rueidis returns both
		}
		return nil, &ConnectError{Addr: strings.Join(addresses(option), ","), Hint: hint(err), Err: err}
	}
	return client, nil
}

// Configure returns option with credentials of source, for rueidis.NewClient,
// rueidisotel, rueidislock and rueidisaside alike. It connects to nothing.
//
// Unless opts allow plaintext, a nil TLSConfig becomes TLS 1.2 or later. An empty ServerName
// becomes the first host name in InitAddress, which the certificate of a cache names even where a
// cluster announces its nodes by IP address; hosts that are dialled by a name of their own, or that
// stand in InitAddress or ReplicaAddress, are verified by that, and nodes by their addresses where
// InitAddress has no name. A DialCtxFn or DialFn of option is still what dials.
//
// With Native, BlockingPipeline 0 becomes -1, so that long pipelines, too, use the
// connections that stay authenticated. With InStream, DisableTCPNoDelay takes effect when a
// connection is dialled, for all of them, and not only once it is used by several goroutines.
//
// New connections get the credentials that source gives then. Should it fail or hang, they get the
// last ones that are still valid; without those, the dial fails when its context ends, or
// after Dialer.Timeout.
//
// Errors: an [*auth.ConfigError] for what cannot work: a nil source; no address, or an empty one;
// Username, Password or AuthCredentialsFn set; a Sentinel master set, as a sentinel must
// never be sent the token; AlwaysRESP2, whose pub/sub connections cannot log in anew;
// with Native, DisableAutoPipelining, whose connections rueidis does not let log in anew.
func Configure(option rueidis.ClientOption, source auth.Source, opts *Options) (rueidis.ClientOption, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return option, err
	}
	if err := check(option, source, o); err != nil {
		return option, err
	}
	c := &connector{source: auth.LastValid(source), opts: o, dial: dialer(option), timeout: option.Dialer.Timeout, nagle: option.DisableTCPNoDelay}
	if c.timeout <= 0 {
		c.timeout = rueidis.DefaultDialTimeout
	}
	if option.TLSConfig == nil || option.TLSConfig.ServerName == "" {
		for _, addr := range addresses(option) {
			host, _, _ := net.SplitHostPort(addr)
			c.hosts = append(c.hosts, host)
		}
	}
	option.TLSConfig = tlsConfig(option.TLSConfig, c.hosts, o.AllowPlaintext)
	if o.Reauth == InStream {
		c.wrap = reauth.Wrap(reauth.Config{Source: c.source, Logger: o.Logger, OnReauth: o.OnReauth})
	} else if option.BlockingPipeline == 0 {
		option.BlockingPipeline = -1
	}
	option.DialFn, option.DialCtxFn = nil, c.connect
	option.AuthCredentialsFn = c.credentials
	return option, nil
}

// check refuses what cannot work, before anything is sent anywhere.
func check(option rueidis.ClientOption, source auth.Source, o Options) error {
	refuse := func(field, problem string) error {
		return &auth.ConfigError{Field: "rueidisentra: " + field, Problem: problem}
	}
	if isnil.Value(source) {
		return refuse("source", "is nil; was the error of auth.NewTokenSource looked at?")
	}
	switch {
	case len(option.InitAddress) == 0:
		return refuse("ClientOption.InitAddress", "is empty; give the cache as host:port, with port "+ports)
	case option.Username != "" || option.Password != "":
		return refuse("ClientOption.Username, Password", "are set, but the source is what logs in; leave them empty, or use auth.Static as source")
	case option.AuthCredentialsFn != nil:
		return refuse("ClientOption.AuthCredentialsFn", "is set, but the source is what logs in; leave it nil, or make the function the source with auth.SourceFunc")
	case option.Sentinel.MasterSet != "":
		return refuse("ClientOption.Sentinel.MasterSet", "is set, and rueidis would send the token to the sentinels; connect to the cache's own address")
	case option.DisableAutoPipelining && o.Reauth == Native:
		return refuse("ClientOption.DisableAutoPipelining", "is set, and rueidis stops the timer of Native while such a connection is in use; leave it false")
	case option.AlwaysRESP2:
		return refuse("ClientOption.AlwaysRESP2", "is set, and in RESP2 a subscribed connection cannot log in anew; leave it false")
	}
	for i, addr := range addresses(option) {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			field := "ClientOption.InitAddress"
			if i >= len(option.InitAddress) {
				field = "ClientOption.Standalone.ReplicaAddress"
			}
			return refuse(field, fmt.Sprintf("%q is not host:port; the port is %s", addr, ports))
		}
	}
	return nil
}

// addresses returns all that option names.
func addresses(option rueidis.ClientOption) []string {
	return slices.Concat(option.InitAddress, option.Standalone.ReplicaAddress)
}

// connector is what one configured client dials and logs in with.
type connector struct {
	source  auth.Source
	opts    Options
	dial    dialFunc
	timeout time.Duration
	hosts   []string                    // of all addresses, where ServerName was left to us
	nagle   bool                        // DisableTCPNoDelay
	wrap    func(net.Conn) *reauth.Conn // nil: Native
}

type dialFunc = func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)

// connect dials, once there are credentials to log in with. rueidis asks for them itself
// right afterwards, but without a context, so the wait for them is here.
func (c *connector) connect(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	by := time.Now().Add(c.timeout)
	if _, err := c.ask(ctx, c.source, by); err != nil {
		c.opts.Logger.Warn("redisentra: no credentials for a new connection", "addr", addr, "error", redact.Text(err.Error()))
		return nil, err
	}
	ctx, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	conn, err := c.dial(ctx, addr, d, c.named(addr, cfg))
	if err != nil {
		return nil, err
	}
	if conn == nil {
		return nil, &auth.ConfigError{Field: "rueidisentra: ClientOption.DialCtxFn", Problem: "returned neither a connection nor an error"}
	}
	if !c.opts.AllowPlaintext && !isTLS(conn) {
		_ = conn.Close()
		return nil, &auth.ConfigError{Field: "rueidisentra: ClientOption.DialCtxFn", Problem: "returned a connection that is not TLS's, and a token must not be sent in the clear; " +
			"use the *tls.Config that it is given, and if it wraps the connection give the wrapper a method NetConn() net.Conn"}
	}
	if c.wrap == nil {
		return conn, nil
	}
	if c.nagle { // rueidis looks for a TCP connection itself, but finds none behind ours
		for inner := range unwrapped(conn) {
			if tcp, ok := inner.(*net.TCPConn); ok {
				_ = tcp.SetNoDelay(false)
			}
		}
	}
	return inStream{c.wrap(conn)}, nil
}

// ask asks source, until by at most. The end of that is a time-out like those of package net, lest it look as
// if the ctx of whoever sent a command had ended.
func (c *connector) ask(ctx context.Context, source auth.Source, by time.Time) (auth.Credentials, error) {
	ctx, cancel := context.WithDeadlineCause(ctx, by, fmt.Errorf("rueidisentra: no credentials within %v: %w", c.timeout, os.ErrDeadlineExceeded))
	defer cancel()
	return source.Credentials(ctx)
}

// inStream is a connection that credentials can recognize by its address.
type inStream struct{ *reauth.Conn }

type address struct {
	net.Addr
	conn *reauth.Conn
}

func (s inStream) RemoteAddr() net.Addr { return address{s.Conn.RemoteAddr(), s.Conn} }

// named returns cfg with addr's own host as ServerName, where the certificate of that
// host can be expected to name it.
func (c *connector) named(addr string, cfg *tls.Config) *tls.Config {
	host, _, err := net.SplitHostPort(addr)
	if cfg == nil || len(c.hosts) == 0 || err != nil || host == cfg.ServerName {
		return cfg
	}
	if isIP(host) && !isIP(cfg.ServerName) && !slices.Contains(c.hosts, host) {
		return cfg // a node that a cluster announces by address
	}
	cfg = cfg.Clone()
	cfg.ServerName = host
	return cfg
}

// credentials is rueidis' AuthCredentialsFn, for new connections and for those whose
// RefreshAfter has come.
func (c *connector) credentials(ac rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
	source := c.source
	if a, ok := ac.Address.(address); ok {
		source = a.conn
	}
	creds, err := c.ask(context.Background(), source, time.Now().Add(c.timeout))
	if err != nil {
		c.opts.Logger.Warn("redisentra: no credentials for a connection, which is closed", "error", redact.Text(err.Error()))
		return rueidis.AuthCredentials{}, err
	}
	login := rueidis.AuthCredentials{Username: creds.Username, Password: creds.Password}
	if c.wrap == nil { // otherwise the connection sees to it
		login.RefreshAfter = creds.ReauthAt(time.Now())
	}
	return login, nil
}

// dialer returns the dialer of option, or what rueidis does without one.
func dialer(option rueidis.ClientOption) dialFunc {
	switch {
	case option.DialCtxFn != nil:
		return option.DialCtxFn
	case option.DialFn != nil:
		return func(_ context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
			return option.DialFn(addr, d, cfg)
		}
	}
	return func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		if cfg == nil {
			return d.DialContext(ctx, "tcp", addr)
		}
		return (&tls.Dialer{NetDialer: d, Config: cfg}).DialContext(ctx, "tcp", addr)
	}
}

// tlsConfig returns the TLS configuration to use, with the first name of hosts as ServerName,
// or the first of them if all are addresses; nil is plaintext.
func tlsConfig(cfg *tls.Config, hosts []string, allowPlaintext bool) *tls.Config {
	switch {
	case cfg != nil:
		cfg = cfg.Clone()
	case allowPlaintext:
		return nil
	default:
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if len(hosts) > 0 {
		i := slices.IndexFunc(hosts, func(h string) bool { return !isIP(h) })
		cfg.ServerName = hosts[max(i, 0)]
	}
	return cfg
}

func isIP(host string) bool { return net.ParseIP(host) != nil }

// isTLS reports whether conn is a TLS connection, or says that it wraps one.
func isTLS(conn net.Conn) bool {
	for inner := range unwrapped(conn) {
		if _, ok := inner.(interface{ ConnectionState() tls.ConnectionState }); ok {
			return true
		}
	}
	return false
}

// unwrapped yields conn, what it says that it wraps, what that wraps, and so on.
func unwrapped(conn net.Conn) iter.Seq[net.Conn] {
	return func(yield func(net.Conn) bool) {
		for range 8 {
			if !yield(conn) {
				return
			}
			w, ok := conn.(interface{ NetConn() net.Conn })
			if !ok {
				return
			}
			conn = w.NetConn()
		}
	}
}
