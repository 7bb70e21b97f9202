// Package contenders puts what the benchmarks compare behind one small interface: clients of Redis, each with one way to
// log in and to stay logged in. None of them is tuned: what is not said here is its client's default.
package contenders

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/redisentra/redisentra/auth"
)

// Client is what a contender is used through, by many goroutines at once. Each method ends with its ctx, or
// after [Target.Timeout] in clients that look at no ctx.
type Client interface {
	Get(ctx context.Context, key string) (string, error)
	Set(ctx context.Context, key, value string) error

	// Transact increments key within MULTI and EXEC, on a connection that nobody else has meanwhile.
	Transact(ctx context.Context, key string) error

	Push(ctx context.Context, key, value string) error
	// Pop takes what was pushed, and waits for it on a connection that nobody else has meanwhile. It returns "" if
	// nothing comes for that long, in whole seconds.
	Pop(ctx context.Context, key string, wait time.Duration) (string, error)

	Publish(ctx context.Context, channel, message string) error
	// Subscribe calls ready once the server has confirmed, and got with each message after that. It returns
	// when ctx ends, or with an error when the subscription does.
	Subscribe(ctx context.Context, channel string, ready func(), got func(message string)) error

	Close()
}

// Target is where a contender connects to, and as whom. Network, Addr, Username and Source are required.
type Target struct {
	Network, Addr string      // "tcp" or "unix", and host:port or a path
	TLSConfig     *tls.Config // with its ServerName; nil: plaintext

	Username   string
	Source     auth.Source                       // of those that log in with what it has
	Credential azcore.TokenCredential            // of those that ask for tokens themselves
	OnRotation func(func()) (unsubscribe func()) // calls a function whenever Source has something newer; nil: it never has

	PoolSize int           // connections of a pool; default 10 for each CPU that Go uses
	Buffers  int           // bytes of each connection's buffers, of clients whose default is large; default: theirs
	Timeout  time.Duration // of one command, for clients that look at no ctx; default 5s

	// OnAuth is told how long the round trip of an AUTH took on a connection that had logged in before, by contenders
	// whose client lets somebody know: RueidisInStream, GoRedisStreaming and Pool.
	OnAuth func(time.Duration)
}

// Contender is one client with one way to log in.
type Contender struct {
	Name string
	// Lasting says that it logs in once and for all, and so needs credentials that last.
	Lasting bool
	// AsksItself says that it uses Target.Credential, and not Target.Source.
	AsksItself bool
	New        func(context.Context, Target) (Client, error)
}

// The contenders.
var (
	RueidisStatic    = Contender{Name: "rueidis-static", Lasting: true, New: newRueidisStatic}
	RueidisNone      = Contender{Name: "rueidis-none", New: newRueidisNone}         // AuthCredentialsFn, without RefreshAfter
	RueidisNative    = Contender{Name: "rueidis-native", New: newRueidisNative}     // ours, by rueidis' own timer
	RueidisInStream  = Contender{Name: "rueidis-instream", New: newRueidisInStream} // ours
	GoRedisStatic    = Contender{Name: "go-redis-static", Lasting: true, New: newGoRedisStatic}
	GoRedisStreaming = Contender{Name: "go-redis-streaming", New: newGoRedisStreaming} // its StreamingCredentialsProvider, fed by our source
	RedigoStatic     = Contender{Name: "redigo-static", Lasting: true, New: newRedigoStatic}
	RedigoGetToken   = Contender{Name: "redigo-gettoken", AsksItself: true, New: newRedigoGetToken} // GetToken for each operation, AUTH if it gives another one
	Pool             = Contender{Name: "pool", New: newPool}                                        // ours, with connections of pool/resp
)

// InSteadyState returns the contenders while no token is near its end. The first is what the others are compared with.
func InSteadyState() []Contender {
	return []Contender{RueidisStatic, RueidisNone, RueidisNative, RueidisInStream, GoRedisStatic, GoRedisStreaming, RedigoStatic, Pool}
}

// InRotation returns the contenders while tokens rotate.
func InRotation() []Contender {
	return []Contender{RueidisNone, RedigoGetToken, RueidisNative, RueidisInStream, GoRedisStreaming, Pool}
}

// InRefresh returns those of InRotation that bring a new token to all their connections by themselves.
func InRefresh() []Contender {
	return []Contender{RueidisNative, RueidisInStream, GoRedisStreaming, Pool}
}

func (t Target) withDefaults() Target {
	if t.PoolSize == 0 {
		t.PoolSize = 10 * runtime.GOMAXPROCS(0)
	}
	if t.Timeout == 0 {
		t.Timeout = 5 * time.Second
	}
	if t.OnRotation == nil {
		t.OnRotation = func(func()) func() { return func() {} }
	}
	return t
}

// dial connects, with TLS if there is to be any.
func (t Target) dial(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: t.Timeout}
	if t.TLSConfig == nil {
		return d.DialContext(ctx, t.Network, t.Addr)
	}
	return (&tls.Dialer{NetDialer: d, Config: t.TLSConfig}).DialContext(ctx, t.Network, t.Addr)
}
