package testutil

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	keyID    = "test-key"
	imdsHost = "169.254.169.254" // IMDS, a constant of every client
)

// transport reaches e whatever the URL's host is, as IMDS has a fixed one.
func (e *Entra) transport() http.RoundTripper {
	direct := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: e.roots, MinVersion: tls.VersionTLS12},
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return e.dial(ctx) },
		IdleConnTimeout: 30 * time.Second,
	}
	return &toLoopback{direct: direct, host: e.URL[len("https://"):]}
}

// toLoopback sends requests for IMDS to e, too.
type toLoopback struct {
	direct *http.Transport
	host   string
}

func (t *toLoopback) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == imdsHost {
		c := r.Clone(r.Context())
		c.URL.Scheme, c.URL.Host = "https", t.host
		r = c
	}
	if r.URL.Host != t.host {
		return nil, fmt.Errorf("testutil: %s is not the fake Entra ID", r.URL.Host)
	}
	return t.direct.RoundTrip(r)
}

func (t *toLoopback) CloseIdleConnections() { t.direct.CloseIdleConnections() }

func (e *Entra) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", e.discovery)
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", e.keys)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", e.token)
	mux.HandleFunc("GET /metadata/identity/oauth2/token", e.imds)
	mux.HandleFunc("GET /msi/token", e.appService)
	return mux
}

func (e *Entra) discovery(w http.ResponseWriter, r *http.Request) {
	e.count(func(n *Requests) { n.Discovery++ })
	if r.PathValue("tenant") != e.TenantID {
		answer(w, http.StatusBadRequest, oauthError("invalid_tenant", tenantUnknown))
		return
	}
	at := e.URL + "/" + e.TenantID
	answer(w, http.StatusOK, map[string]any{
		"issuer": at + "/v2.0", "authorization_endpoint": at + "/oauth2/v2.0/authorize",
		"token_endpoint": at + "/oauth2/v2.0/token", "jwks_uri": at + "/discovery/v2.0/keys",
	})
}

func (e *Entra) keys(w http.ResponseWriter, _ *http.Request) {
	b64 := base64.RawURLEncoding.EncodeToString
	answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": b64(e.key.N.Bytes()), "e": b64(big.NewInt(int64(e.key.E)).Bytes()),
	}}})
}

// token is the authority's endpoint for client credentials.
func (e *Entra) token(w http.ResponseWriter, r *http.Request) {
	e.count(func(n *Requests) { n.Token++ })
	set, ok := e.behave(w, r)
	if !ok {
		return
	}
	p := e.principal(orNone(r.PostFormValue("client_id")), "", "")
	switch {
	case r.PathValue("tenant") != e.TenantID:
		e.refuse(w, http.StatusBadRequest, "invalid_tenant", tenantUnknown)
	case r.PostFormValue("grant_type") != "client_credentials":
		e.refuse(w, http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.")
	case !slices.Contains(strings.Fields(r.PostFormValue("scope")), Audience+"/.default"):
		e.refuse(w, http.StatusBadRequest, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.")
	case p == nil:
		e.refuse(w, http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application was not found in the directory.")
	case !e.proves(p, r):
		e.refuse(w, http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret or assertion provided.")
	default:
		e.grant(w, p, set, false)
	}
}

// proves reports whether the request holds p's secret, p's assertion, or one that
// p's certificate signed.
func (e *Entra) proves(p *Principal, r *http.Request) bool {
	if s := r.PostFormValue("client_secret"); s != "" {
		return s == p.secret
	}
	assertion := r.PostFormValue("client_assertion")
	if assertion == "" || assertion == p.assertion {
		return assertion != ""
	}
	e.mu.Lock()
	cert := p.certificate
	e.mu.Unlock()
	if cert == nil {
		return false
	}
	_, err := jwt.Parse(assertion, func(*jwt.Token) (any, error) { return cert.PublicKey, nil },
		jwt.WithIssuer(p.ClientID), jwt.WithExpirationRequired(), jwt.WithValidMethods([]string{"RS256", "PS256"}))
	return err == nil
}

// imds is the managed identity endpoint of virtual machines. Its numbers are strings.
func (e *Entra) imds(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata") != "true" { // so azidentity probes for it
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "Required metadata header not specified"})
		return
	}
	e.count(func(n *Requests) { n.IMDS++ })
	e.managedIdentity(w, r, "msi_res_id")
}

// appService is the managed identity endpoint of App Service and Functions.
func (e *Entra) appService(w http.ResponseWriter, r *http.Request) {
	e.count(func(n *Requests) { n.AppService++ })
	if r.Header.Get("X-IDENTITY-HEADER") != e.header {
		e.refuse(w, http.StatusUnauthorized, "unauthorized", "The identity header is wrong.")
		return
	}
	e.managedIdentity(w, r, "mi_res_id")
}

func (e *Entra) managedIdentity(w http.ResponseWriter, r *http.Request, resourceParam string) {
	set, ok := e.behave(w, r)
	if !ok {
		return
	}
	q := r.URL.Query()
	p := e.principal(q.Get("client_id"), q.Get("object_id"), q.Get(resourceParam))
	switch {
	case q.Get("resource") != Audience:
		e.refuse(w, http.StatusBadRequest, "invalid_resource", "AADSTS500011: The resource principal was not found.")
	case p == nil:
		e.refuse(w, http.StatusBadRequest, "invalid_request", "Identity not found")
	default:
		e.grant(w, p, set, true)
	}
}

// grant answers with a token for p.
func (e *Entra) grant(w http.ResponseWriter, p *Principal, set settings, managedIdentity bool) {
	g, err := e.issue(p, set, managedIdentity)
	if err != nil {
		e.refuse(w, http.StatusInternalServerError, "server_error", "The token could not be signed.")
		return
	}
	body := map[string]any{"token_type": "Bearer", "access_token": g.token}
	number := func(key string, n int64) {
		if body[key] = n; managedIdentity {
			body[key] = strconv.FormatInt(n, 10)
		}
	}
	number("expires_in", int64((time.Until(g.expiresAt)+100*time.Millisecond)/time.Second)) // down, but for the time it took to sign
	if managedIdentity {
		number("expires_on", g.expiresAt.Unix())
		body["resource"] = Audience
	}
	if set.refreshIn > 0 {
		number("refresh_in", int64(set.refreshIn/time.Second))
	}
	if set.brokenJSON {
		e.count(func(n *Requests) { n.Failed++ })
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"token_type":"Bearer","access_token":%q,"expires_`, g.token)
		return
	}
	answer(w, http.StatusOK, body)
}

// behave does to a token request what the setters ask for, and reports whether it
// is to be answered.
func (e *Entra) behave(w http.ResponseWriter, r *http.Request) (settings, bool) {
	_ = r.ParseForm() // with the body read, the server notices a client that goes away
	e.mu.Lock()
	set := e.set
	if e.set.failing && e.set.failure.Count > 0 {
		e.set.failure.Count--
		e.set.failing = e.set.failure.Count > 0
	}
	e.mu.Unlock()
	if set.delay > 0 {
		select {
		case <-time.After(set.delay):
		case <-r.Context().Done():
		}
	}
	if set.hang != nil {
		select {
		case <-set.hang:
		case <-r.Context().Done():
		}
	}
	f := set.failure
	switch {
	case r.Context().Err() != nil, set.failing && f.Drop:
		e.count(func(n *Requests) { n.Failed++ })
		panic(http.ErrAbortHandler) // closes the connection
	case set.failing:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
		}
		e.refuse(w, f.Status, f.Code, "AADSTS90033: A failure that the test asked for.")
		return set, false
	}
	return set, true
}

// refuse answers a token request with an OAuth error.
func (e *Entra) refuse(w http.ResponseWriter, status int, code, description string) {
	e.count(func(n *Requests) { n.Failed++ })
	answer(w, status, oauthError(code, description))
}

const tenantUnknown = "AADSTS90002: Tenant not found."

// oauthError is an error as Entra ID words it.
func oauthError(code, description string) map[string]string {
	return map[string]string{
		"error": code, "error_description": description + " Trace ID: " + uuid.NewString() + " Timestamp: " + time.Now().UTC().Format(time.DateTime) + "Z",
	}
}

func (e *Entra) count(f func(*Requests)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(&e.requests)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// orNone makes an id that is missing one that nobody has.
func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}
