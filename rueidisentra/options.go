// Package rueidisentra logs rueidis clients in with credentials that rotate under
// them. It returns rueidis' own clients and options, wrapped in nothing; [BoundBlocking] alone wraps a
// client, for those that ask for it.
package rueidisentra

import (
	"log/slog"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
)

// Reauth says how connections log in anew before their token expires.
type Reauth int

const (
	// InStream re-authenticates inside each connection's byte stream, by package reauth, whatever
	// the connection is used for. Only while the server is blocked by a command it cannot read
	// a new token: see [BoundBlocking] for those that block for minutes.
	InStream Reauth = iota
	// Native uses rueidis' own timer, AuthCredentials.RefreshAfter. It keeps multiplexed
	// connections authenticated: Do, DoMulti, DoCache, and Receive outside of dedicated
	// clients. rueidis stops the timer while a connection is checked out of a pool, so
	// dedicated clients, blocking commands (BLPOP, XREAD BLOCK), DoStream, DoMultiStream and
	// DoMulti of a BlockingPipeline of your own lose their connection when its token expires.
	Native
)

// Options adjust a client. The zero value of each field is its default.
type Options struct {
	// Reauth is how connections log in anew. Default: InStream.
	Reauth Reauth

	// AllowPlaintext lets a nil TLSConfig mean plaintext, and a dialer of your own return
	// connections that are not TLS's. Azure takes TLS only; a token on a plaintext
	// connection can be read and used by whoever sees it. A wrapper counts as TLS if it has
	// ConnectionState, or a NetConn that returns what it wraps. Default: refused.
	AllowPlaintext bool

	// Logger is told when a connection cannot get credentials, when its AUTH is refused or has to wait for too
	// long, and when it cannot be kept authenticated (Warn). Default: silent.
	Logger *slog.Logger

	// OnReauth is called after each AUTH that was sent in a stream, good or bad. It holds up what the connection
	// reads, so it must not wait for the client; see [reauth.Config]. Not with Native. Default: nobody is told.
	OnReauth func(reauth.Event)
}

// withDefaults returns a checked copy of o.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	switch c.Reauth {
	case InStream:
	case Native:
		if c.OnReauth != nil {
			return c, &auth.ConfigError{Field: "rueidisentra.Options.OnReauth", Problem: "is set, but with Native rueidis tells nobody how an AUTH ended; use InStream"}
		}
	default:
		return c, &auth.ConfigError{Field: "rueidisentra.Options.Reauth", Problem: "is neither InStream nor Native"}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
