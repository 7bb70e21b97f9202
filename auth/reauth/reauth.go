// Package reauth keeps connections to Redis authenticated while their tokens rotate. It
// wraps a net.Conn and works inside the RESP stream, so that it fits any client that
// lets its user set a dialer; it knows none of them.
//
// A server that takes tokens closes each connection whose token has expired, unless a newer
// one was sent on it by AUTH. A [Conn] follows the commands that its client writes, puts
// that AUTH between two of them, and cuts its reply out of what the client reads. All other
// bytes pass unchanged, and the client notices nothing.
//
// # How it works
//
// When the time has come, see [auth.Credentials.ReauthAt], the connection asks the Source for
// credentials. If these are newer it sends a marker and AUTH: at once, if nobody is
// writing, or else behind the next command where that is possible. The marker is a command
// whose reply repeats a random word. That word cannot come in the stream before, so it tells where the
// reply to AUTH is without counting replies, whatever else there may be: pipelines, pushes, streams.
//
// Nothing is ever sent inside of MULTI, be it one that the server refused, behind CLIENT CACHING or ASKING, or on
// a RESP2 connection that has subscribed to something. RESP3 it is if the client logged in by HELLO 3; one
// without AUTH is not followed. A server reads nothing while it is blocked by a command such as BLPOP, so a token cannot
// be renewed before that has ended.
//
// The Conn reads the reply itself where the client does not read, but holds no more than 64 kB back for it. Where
// the reply has still not come when half of the older token's time is over, AUTH is sent once more.
//
// The marker is HELLO with an option that does not exist, which redis-server refuses by naming it,
// whatever the ACL and the state of the server. Where a server does not name it, the marker is a command that does not
// exist, REDISENTRA, or else PING, if the ACL allows that; PING alone goes wrong if the server comes to
// refuse it after the login. Which one to use is found out by a probe right behind the login, where the position of
// replies is certain. If none works, the Conn closes the connection between two commands just before its token
// expires; replies that are under way then are lost.
package reauth

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/redisentra/redisentra/auth"
)

// Config says how connections are kept authenticated.
type Config struct {
	// Source gives the credentials, and is asked again when those of a connection are about
	// to expire. It may fail, hang, or repeat itself. Required.
	Source auth.Source

	// Logger is told of refused tokens, of those that cannot be sent, and of connections that
	// cannot be kept authenticated, and why (Warn). Default: silent.
	Logger *slog.Logger

	// OnReauth is called when the server's reply to an AUTH has been read, good or bad; by the client's Read,
	// which waits for it, or by a goroutine of the Conn where the client does not read. Connections call it concurrently, and
	// it may still run after Close. It is never called under a lock, but must not wait for the connection itself. Default:
	// nobody is told.
	OnReauth func(Event)
}

// Event tells of one AUTH that was sent in a stream, or of a connection that was closed since none could be.
type Event struct {
	Addr      net.Addr      // of the server
	Err       error         // nil: the server accepted; else what it replied, or why the connection was closed; without secrets
	Took      time.Duration // from sending it until its reply was read, by the client or for it; zero: none was
	ExpiresAt time.Time     // when the token that was sent expires
}

// NewConn wraps c, which nobody has used yet. The client logs in by itself first, with
// credentials of cfg.Source: by HELLO with AUTH, or by AUTH. A connection on which it
// logs in as somebody else is left alone.
//
// Connections that share a Config are better wrapped by [Wrap].
func NewConn(c net.Conn, cfg Config) *Conn { return Wrap(cfg)(c) }

// Wrap returns NewConn for connections that have cfg in common. They share the last valid
// credentials of its Source, and warn only once of what is the same for all of them.
func Wrap(cfg Config) func(net.Conn) *Conn {
	s := &shared{source: auth.LastValid(cfg.Source), logger: cfg.Logger, onReauth: cfg.OnReauth}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.onReauth == nil {
		s.onReauth = func(Event) {}
	}
	return s.wrap
}

// shared is what the connections of one Config have in common.
type shared struct {
	source   auth.Source
	logger   *slog.Logger
	onReauth func(Event)
	unmarked sync.Once // the warning that no marker works
}

func (s *shared) wrap(conn net.Conn) *Conn {
	c := &Conn{conn: conn, s: s}
	c.opening.Store(true)
	c.filtering.Store(true)
	return c
}
