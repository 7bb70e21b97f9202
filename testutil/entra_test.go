package testutil_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

const scope = testutil.Audience + "/.default"

// ask asks cred for a token, once.
func ask(ctx context.Context, cred azcore.TokenCredential) (azcore.AccessToken, error) {
	ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1})
	return cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
}

// newToken returns a new token of p.
func newToken(t *testing.T, e fakeEntra, p *testutil.Principal) string {
	t.Helper()
	cred, err := e.ClientSecret(p) // a new one, as each caches its token
	require.NoError(t, err)
	token, err := ask(t.Context(), cred)
	require.NoError(t, err)
	return token.Token
}

// requireToken gets a token with cred and requires that it is one of p and that e
// was asked want.
func requireToken(t *testing.T, e fakeEntra, p *testutil.Principal, want testutil.Requests) func(azcore.TokenCredential, error) {
	t.Helper()
	return func(cred azcore.TokenCredential, err error) {
		t.Helper()
		require.NoError(t, err)
		before := time.Now().Truncate(time.Second)
		token, err := ask(t.Context(), cred)
		require.NoError(t, err)
		require.Equal(t, want, e.Requests())

		claims := verify(t, e, token.Token)
		after := time.Now()
		require.Equal(t, testutil.Audience, claims["aud"])
		require.Equal(t, "https://sts.windows.net/"+e.TenantID+"/", claims["iss"])
		require.Equal(t, e.TenantID, claims["tid"])
		require.Equal(t, p.ObjectID, claims["oid"])
		require.Equal(t, p.ObjectID, claims["sub"])
		require.Equal(t, p.ClientID, claims["appid"])
		at := func(claim string) time.Time { return time.UnixMilli(int64(claims[claim].(float64)*1000 + 0.5)) }
		require.WithinRange(t, at("iat"), before, after)
		require.Equal(t, at("iat"), at("nbf"))

		issued := e.Issued()
		require.Len(t, issued, 1)
		require.Equal(t, p.ObjectID, issued[0].ObjectID)
		require.WithinRange(t, issued[0].At, before, after)
		require.True(t, issued[0].ExpiresAt.Equal(at("exp")))
		require.WithinDuration(t, issued[0].ExpiresAt, token.ExpiresOn, 2*time.Second) // which MSAL rounds to seconds
		oid, expires, err := e.Verify(token.Token)
		require.NoError(t, err)
		require.Equal(t, p.ObjectID, oid)
		require.True(t, issued[0].ExpiresAt.Equal(expires))
	}
}

// verify checks a token's signature with the keys that e publishes, as a server
// would that knows e's address only, and returns its claims.
func verify(t *testing.T, e fakeEntra, token string) jwt.MapClaims {
	t.Helper()
	get := func(url string, to any) {
		t.Helper()
		answer, err := e.Client().Get(url)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.NoError(t, json.NewDecoder(answer.Body).Decode(to))
	}
	var metadata struct {
		JWKS string `json:"jwks_uri"`
	}
	get(e.URL+"/"+e.TenantID+"/v2.0/.well-known/openid-configuration", &metadata)
	var set struct {
		Keys []struct{ Kty, Kid, N, E string }
	}
	get(metadata.JWKS, &set)
	require.Len(t, set.Keys, 1)
	number := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(s)
		require.NoError(t, err)
		return new(big.Int).SetBytes(b)
	}
	claims := jwt.MapClaims{}
	parsed, err := jwt.ParseWithClaims(token, claims, func(j *jwt.Token) (any, error) {
		require.Equal(t, set.Keys[0].Kid, j.Header["kid"])
		return &rsa.PublicKey{N: number(set.Keys[0].N), E: int(number(set.Keys[0].E).Int64())}, nil
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
	require.NoError(t, err)
	require.True(t, parsed.Valid)
	return claims
}

func TestAClientSecretGetsAToken(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	p := e.NewPrincipal()
	requireToken(t, e, p, testutil.Requests{Discovery: 1, Token: 1})(e.ClientSecret(p))
}

func TestACertificateGetsAToken(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	p := e.NewPrincipal()
	first, err := e.Certificate(p)
	require.NoError(t, err)
	second, err := e.Certificate(p)
	requireToken(t, e, p, testutil.Requests{Discovery: 1, Token: 1})(second, err)
	_, err = ask(t.Context(), first)
	require.NoError(t, err, "the second credential must not take the place of the first")
}

func TestAClientAssertionGetsAToken(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	p := e.NewPrincipal()
	requireToken(t, e, p, testutil.Requests{Discovery: 1, Token: 1})(e.ClientAssertion(p))
}

func TestAWorkloadIdentityGetsATokenUntilClose(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	e := newEntra(t, false)
	p := e.NewPrincipal()
	requireToken(t, e, p, testutil.Requests{Discovery: 1, Token: 1})(e.WorkloadIdentity(p))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "the token file")
	e.Close()
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTheSystemAssignedIdentityGetsATokenOfIMDS(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	e.SetLifetime(4 * time.Minute)
	p := e.NewPrincipal()
	requireToken(t, e, p, testutil.Requests{IMDS: 1})(e.ManagedIdentity(p, nil))
}

func TestAUserAssignedIdentityGetsATokenOfIMDSByEachOfItsIDs(t *testing.T) {
	t.Parallel()
	for name, id := range managedIDs {
		t.Run(name, func(t *testing.T) {
			e := borrowEntra(t)
			e.NewPrincipal()
			p := e.NewPrincipal()
			e.NewPrincipal()
			requireToken(t, e, p, testutil.Requests{IMDS: 1})(e.ManagedIdentity(p, id(p)))
		})
	}
}

func TestAManagedIdentityGetsATokenOfAppServiceByEachOfItsIDs(t *testing.T) {
	for name, id := range managedIDs {
		t.Run(name, func(t *testing.T) {
			e := borrowEntra(t)
			p := e.NewPrincipal()
			requireToken(t, e, p, testutil.Requests{AppService: 1})(e.AppService(t.Setenv, p, id(p)))
		})
	}
	t.Run("none, as the system-assigned one", func(t *testing.T) {
		e := borrowEntra(t)
		e.SetLifetime(4 * time.Minute)
		p := e.NewPrincipal()
		requireToken(t, e, p, testutil.Requests{AppService: 1})(e.AppService(t.Setenv, p, nil))
	})
}

var managedIDs = map[string]func(*testutil.Principal) azidentity.ManagedIDKind{
	"ClientID":   func(p *testutil.Principal) azidentity.ManagedIDKind { return azidentity.ClientID(p.ClientID) },
	"ObjectID":   func(p *testutil.Principal) azidentity.ManagedIDKind { return azidentity.ObjectID(p.ObjectID) },
	"ResourceID": func(p *testutil.Principal) azidentity.ManagedIDKind { return azidentity.ResourceID(p.ResourceID) },
}

func TestTheDefaultCredentialGetsATokenThroughTheEnvironment(t *testing.T) {
	e := borrowEntra(t)
	p := e.NewPrincipal()
	requireToken(t, e, p, testutil.Requests{Discovery: 1, Token: 1})(e.DefaultAzure(t.Setenv, p))
}

func TestACredentialAsksForANewTokenWhenLessThanFiveMinutesAreLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		cred, err := e.ClientSecret(e.NewPrincipal())
		require.NoError(t, err)
		first, err := ask(t.Context(), cred)
		require.NoError(t, err)
		time.Sleep(55*time.Minute - time.Second)
		again, err := ask(t.Context(), cred)
		require.NoError(t, err)
		require.True(t, first.Token == again.Token)
		require.Len(t, e.Issued(), 1)
		time.Sleep(2 * time.Second)
		next, err := ask(t.Context(), cred)
		require.NoError(t, err)
		require.False(t, first.Token == next.Token)
		require.Len(t, e.Issued(), 2)
	})
}

func TestTokensLiveAsLongAsSetLifetimeSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		for _, life := range []time.Duration{time.Second, time.Minute, 24 * time.Hour} {
			e.SetLifetime(life)
			p := e.NewPrincipal()
			secret, err := e.ClientSecret(p)
			require.NoError(t, err)
			managed, err := e.ManagedIdentity(p, azidentity.ClientID(p.ClientID))
			require.NoError(t, err)
			for _, cred := range []azcore.TokenCredential{secret, managed} {
				token, err := ask(t.Context(), cred)
				require.NoError(t, err)
				require.Equal(t, life, time.Until(token.ExpiresOn))
				_, expires, err := e.Verify(token.Token)
				require.NoError(t, err)
				require.Equal(t, life, time.Until(expires))
				issued := e.Issued()
				require.Equal(t, life, time.Until(issued[len(issued)-1].ExpiresAt))
			}
		}
	})
}

func TestRefreshInTellsCredentialsWhenToAskAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		p := e.NewPrincipal()
		secret, err := e.ClientSecret(p)
		require.NoError(t, err)
		token, err := ask(t.Context(), secret)
		require.NoError(t, err)
		require.True(t, token.RefreshOn.IsZero())

		e.SetRefreshIn(30 * time.Minute)
		secret, err = e.ClientSecret(p)
		require.NoError(t, err)
		managed, err := e.ManagedIdentity(p, azidentity.ClientID(p.ClientID))
		require.NoError(t, err)
		for _, cred := range []azcore.TokenCredential{secret, managed} {
			token, err := ask(t.Context(), cred)
			require.NoError(t, err)
			require.Equal(t, 30*time.Minute, time.Until(token.RefreshOn))
		}
	})
}

func TestEntraWritesNothingToTheLog(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	entra, err := testutil.StartEntra(nil)
	require.NoError(t, err)
	defer entra.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(entra.URL, "https://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("no TLS at all"))
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, conn) // until it is refused
	entra.Close()
	require.Empty(t, logged.String())
}
