package testutil

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// Audience is the aud claim of the tokens of [Entra]: Redis in Azure.
const Audience = "https://redis.azure.com"

// EntraOptions adjust an [Entra]. The zero value of each field is its default.
type EntraOptions struct {
	InMemory bool // no sockets, for testing/synctest; create it inside the bubble
}

// Entra is a fake Entra ID, served over HTTPS: the authority's discovery and token
// endpoints for client credentials, the managed identity endpoints IMDS and App
// Service, and the keys to verify with. It issues RS256 JWTs with the claims of
// the real ones. Its setters may be called at any time and work from the next request on.
//
// golang-jwt signs them and google/uuid names the principals: both are in every
// user's module graph anyway, by way of MSAL.
type Entra struct {
	TenantID string
	URL      string // https://host:port, without a slash at its end; the authority host

	key    *rsa.PrivateKey
	roots  *x509.CertPool
	client *http.Client
	server *http.Server
	dial   func(context.Context) (net.Conn, error)
	served sync.WaitGroup // the server's goroutines

	mu       sync.Mutex // guards what follows
	set      settings
	byClient map[string]*Principal
	system   *Principal // the system-assigned identity of IMDS and App Service
	header   string     // the App Service identity header
	requests Requests
	issued   []Issued
	dir      string // of token files; empty: none yet
}

// Principal is an application, a user or a managed identity that [Entra] issues
// tokens to.
type Principal struct {
	ObjectID   string // the oid claim, and so the Redis user name
	ClientID   string // the application id
	ResourceID string // of a managed identity

	secret, assertion string
	certificate       *x509.Certificate
	key               *rsa.PrivateKey
	last              grant // the newest token, for SetSameToken
}

// Requests counts what [Entra] was asked.
type Requests struct {
	Discovery  int // the authority's metadata
	Token      int // the authority's token endpoint
	IMDS       int // the managed identity endpoint of virtual machines
	AppService int // the managed identity endpoint of App Service and Functions
	Failed     int // those of the last three that got no token
}

// Issued tells of one token.
type Issued struct {
	ObjectID      string
	At, ExpiresAt time.Time
}

// NewEntra starts an [Entra] that ends with the test.
func NewEntra(t TB, opts *EntraOptions) *Entra {
	t.Helper()
	e, err := StartEntra(opts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(e.Close)
	return e
}

// StartEntra starts an [Entra]; call its Close. nil opts means the defaults.
// Tokens live one hour until SetLifetime says otherwise.
func StartEntra(opts *EntraOptions) (*Entra, error) {
	if opts == nil {
		opts = &EntraOptions{}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("testutil: %w", err)
	}
	cert, roots, err := newCertificate("127.0.0.1")
	if err != nil {
		return nil, fmt.Errorf("testutil: %w", err)
	}
	l, dial, err := listen(opts.InMemory)
	if err != nil {
		return nil, err
	}
	e := &Entra{
		TenantID: uuid.NewString(), URL: "https://" + l.Addr().String(),
		key: key, roots: roots, dial: dial,
		set:      settings{lifetime: time.Hour},
		byClient: map[string]*Principal{},
		header:   rand.Text(),
	}
	e.client = &http.Client{Transport: e.transport()}
	silent := log.New(io.Discard, "", 0) // a client that gives up is not news
	e.server = &http.Server{Handler: e.handler(), ReadHeaderTimeout: time.Minute, ErrorLog: silent, ConnState: func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			e.served.Add(1)
		case http.StateClosed:
			e.served.Done()
		}
	}}
	e.served.Go(func() {
		_ = e.server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}))
	})
	return e, nil
}

// Close stops the server and joins its goroutines.
func (e *Entra) Close() {
	_ = e.server.Close()
	e.served.Wait()
	e.client.CloseIdleConnections()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dir != "" {
		_ = os.RemoveAll(e.dir)
		e.dir = ""
	}
}

// NewPrincipal registers a principal with random ids. MSAL caches the tokens of
// managed identities by id for the whole process, so never share one between tests.
func (e *Entra) NewPrincipal() *Principal {
	name := uuid.NewString()
	p := &Principal{
		ObjectID: uuid.NewString(), ClientID: uuid.NewString(),
		ResourceID: "/subscriptions/" + uuid.NewString() + "/resourceGroups/test/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" + name,
		secret:     rand.Text(), assertion: rand.Text(),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.byClient[p.ClientID] = p
	return p
}

// RemovePrincipal makes Entra forget p: its next requests are refused.
func (e *Entra) RemovePrincipal(p *Principal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byClient, p.ClientID)
	if e.system == p {
		e.system = nil
	}
}

// Requests returns what was asked so far.
func (e *Entra) Requests() Requests {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requests
}

// Issued returns the tokens issued so far, oldest first. A token that is repeated
// because of SetSameToken counts once.
func (e *Entra) Issued() []Issued {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.issued)
}

// Verify returns whose token this is and when it expires. It is an error if e did
// not sign it, if it is not for Redis, or if it has expired.
func (e *Entra) Verify(token string) (objectID string, expiresAt time.Time, err error) {
	// Times are checked below: the library rounds them to seconds.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	var claims jwt.MapClaims
	if _, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return &e.key.PublicKey, nil }); err != nil {
		return "", time.Time{}, errors.New("testutil: the token is not one of this Entra")
	}
	objectID, _ = claims["oid"].(string)
	exp, _ := claims["exp"].(float64)
	expiresAt = unixTime(exp)
	switch {
	case claims["aud"] != Audience:
		return "", time.Time{}, errors.New("testutil: the token is not for Redis")
	case !time.Now().Before(expiresAt):
		return "", time.Time{}, errors.New("testutil: the token has expired")
	}
	return objectID, expiresAt, nil
}

// principal finds a principal by any of its ids; none of them means the
// system-assigned identity.
func (e *Entra) principal(clientID, objectID, resourceID string) *Principal {
	e.mu.Lock()
	defer e.mu.Unlock()
	if clientID == "" && objectID == "" && resourceID == "" {
		return e.system
	}
	for p := range maps.Values(e.byClient) {
		if p.ClientID == clientID || p.ObjectID == objectID || p.ResourceID == resourceID {
			return p
		}
	}
	return nil
}

// grant is a token and its times.
type grant struct {
	token     string
	expiresAt time.Time
}

// issue signs a token for p. wholeSeconds rounds its expiry up, for the answers that
// name it in seconds.
func (e *Entra) issue(p *Principal, set settings, wholeSeconds bool) (grant, error) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if set.sameToken && now.Before(p.last.expiresAt) {
		return p.last, nil
	}
	expires := now.Add(set.lifetime).Truncate(time.Millisecond) // as the token will say
	if wholeSeconds {
		expires = time.Unix(expires.Add(time.Second-1).Unix(), 0)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"aud": Audience, "iss": "https://sts.windows.net/" + e.TenantID + "/", "tid": e.TenantID,
		"oid": p.ObjectID, "sub": p.ObjectID, "appid": p.ClientID,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": numericDate(expires), "uti": rand.Text(), "ver": "1.0",
	})
	token.Header["kid"] = keyID
	signed, err := token.SignedString(e.key)
	if err != nil {
		return grant{}, err
	}
	p.last = grant{signed, expires}
	e.issued = append(e.issued, Issued{p.ObjectID, now, expires})
	return p.last, nil
}

// numericDate is a JWT's NumericDate: whole seconds as Entra ID has them, with a
// fraction for the short-lived tokens of tests, whose expiry is enforced to the millisecond.
func numericDate(t time.Time) any {
	if t.Nanosecond() == 0 {
		return t.Unix()
	}
	return float64(t.UnixMilli()) / 1000
}

func unixTime(seconds float64) time.Time { return time.UnixMilli(int64(seconds*1000 + 0.5)) }
