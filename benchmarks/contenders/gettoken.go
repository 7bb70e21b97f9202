package contenders

import (
	"context"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gomodule/redigo/redis"

	"github.com/redisentra/redisentra/auth"
)

// newRedigoGetToken is the documented loop in its plain form: GetToken before each operation, and AUTH if the
// connection has not logged in with that token yet.
func newRedigoGetToken(_ context.Context, t Target) (Client, error) {
	c := newRedigo(t)
	dial, cred := c.DialContext, &scaledCache{cred: t.Credential}
	c.DialContext = func(ctx context.Context) (redis.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &tokenConn{Conn: conn}, nil
	}
	c.ready = func(ctx context.Context, conn redis.Conn) error {
		token, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{auth.DefaultScope}})
		if err != nil {
			return err
		}
		_, err = conn.Do(login, t.Username, token.Token)
		return err
	}
	return c, nil
}

const login = "AUTH"

// tokenConn is a connection that sends AUTH only if it is news.
type tokenConn struct {
	redis.Conn
	token string
}

func (c *tokenConn) Do(cmd string, args ...any) (any, error) {
	if cmd != login {
		return c.Conn.Do(cmd, args...)
	}
	token := args[1].(string)
	if token == c.token {
		return nil, nil
	}
	reply, err := c.Conn.Do(cmd, args...)
	if err == nil {
		c.token = token
	}
	return reply, err
}

// DoWithTimeout is part of redigo's ConnWithTimeout, which the pool looks for.
func (c *tokenConn) DoWithTimeout(d time.Duration, cmd string, args ...any) (any, error) {
	return redis.DoWithTimeout(c.Conn, d, cmd, args...)
}

// ReceiveWithTimeout is part of redigo's ConnWithTimeout.
func (c *tokenConn) ReceiveWithTimeout(d time.Duration) (any, error) {
	return redis.ReceiveWithTimeout(c.Conn, d)
}

// scaledCache is a credential that caches as azidentity does, to scale: that serves a token while five minutes of its hour or
// more remain, and so never caches the tokens of seconds that benchmarks use. This one serves it until half its life is over.
type scaledCache struct {
	cred azcore.TokenCredential

	mu    sync.Mutex // guards what follows, and is held while cred is asked, as MSAL's is
	token azcore.AccessToken
	until time.Time
}

// GetToken implements [azcore.TokenCredential].
func (c *scaledCache) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Before(c.until) {
		return c.token, nil
	}
	token, err := c.cred.GetToken(ctx, o)
	if err == nil {
		c.token, c.until = token, now.Add(token.ExpiresOn.Sub(now)/2)
	}
	return token, err
}
