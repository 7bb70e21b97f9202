package testutil_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// requireRefusal asks cred and requires an answer with that HTTP status and OAuth
// error. It returns the answer, whose body has been read.
func requireRefusal(t *testing.T, cred azcore.TokenCredential, status int, code string) *http.Response {
	t.Helper()
	_, err := ask(t.Context(), cred)
	var failed *azidentity.AuthenticationFailedError
	require.ErrorAs(t, err, &failed)
	require.NotNil(t, failed.RawResponse)
	require.Equal(t, status, failed.RawResponse.StatusCode)
	var answer struct {
		Error       string
		Description string `json:"error_description"`
	}
	body, err := runtime.Payload(failed.RawResponse) // which reads it anew
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &answer))
	require.Equal(t, code, answer.Error)
	require.NotEmpty(t, answer.Description)
	return failed.RawResponse
}

// clientSecret returns a credential that may be wrong in any way.
func clientSecret(t *testing.T, e fakeEntra, tenant, client, secret string) azcore.TokenCredential {
	t.Helper()
	cred, err := azidentity.NewClientSecretCredential(tenant, client, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: e.ClientOptions(), DisableInstanceDiscovery: true,
	})
	require.NoError(t, err)
	return cred
}

func TestAWrongSecretIsRefused(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	requireRefusal(t, clientSecret(t, e, e.TenantID, e.NewPrincipal().ClientID, "wrong"), http.StatusUnauthorized, "invalid_client")
	require.Equal(t, testutil.Requests{Discovery: 1, Token: 1, Failed: 1}, e.Requests())
	require.Empty(t, e.Issued())
}

func TestAWrongAssertionIsRefused(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	p, other := e.NewPrincipal(), e.NewPrincipal()
	assertion, err := e.ClientAssertion(p)
	require.NoError(t, err)
	_, err = ask(t.Context(), assertion)
	require.NoError(t, err)
	certificate, err := e.Certificate(other)
	require.NoError(t, err)
	_, err = ask(t.Context(), certificate)
	require.NoError(t, err)

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	forged, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": other.ClientID, "exp": time.Now().Add(time.Hour).Unix()}).SignedString(key)
	require.NoError(t, err)
	for _, attempt := range []struct {
		by        *testutil.Principal
		assertion string
	}{{p, "wrong"}, {p, forged}, {other, "wrong"}, {other, forged}} {
		answer, err := e.Client().PostForm(e.URL+"/"+e.TenantID+"/oauth2/v2.0/token", map[string][]string{
			"grant_type": {"client_credentials"}, "client_id": {attempt.by.ClientID}, "scope": {scope},
			"client_assertion": {attempt.assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	}
}

func TestAnUnknownClientIsRefused(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	requireRefusal(t, clientSecret(t, e, e.TenantID, "11111111-2222-3333-4444-555555555555", "s"), http.StatusBadRequest, "unauthorized_client")
	require.Equal(t, testutil.Requests{Discovery: 1, Token: 1, Failed: 1}, e.Requests())
}

func TestARemovedPrincipalIsRefused(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	e.SetLifetime(4 * time.Minute) // too short for the credentials' caches
	p := e.NewPrincipal()
	secret, err := e.ClientSecret(p)
	require.NoError(t, err)
	user, err := e.ManagedIdentity(p, azidentity.ClientID(p.ClientID))
	require.NoError(t, err)
	system, err := e.ManagedIdentity(p, nil)
	require.NoError(t, err)
	for _, cred := range []azcore.TokenCredential{secret, user, system} {
		_, err := ask(t.Context(), cred)
		require.NoError(t, err)
	}
	e.RemovePrincipal(p)
	requireRefusal(t, secret, http.StatusBadRequest, "unauthorized_client")
	requireRefusal(t, user, http.StatusBadRequest, "invalid_request")
	_, err = ask(t.Context(), system)
	require.ErrorContains(t, err, "Identity not found")
}

func TestAnUnknownTenantIsRefused(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	p := e.NewPrincipal()
	requireRefusal(t, clientSecret(t, e, "11111111-2222-3333-4444-555555555555", p.ClientID, "s"), http.StatusBadRequest, "invalid_tenant")
	require.Equal(t, testutil.Requests{Discovery: 1}, e.Requests(), "a token was never asked for, so none was failed to get")

	answer, err := e.Client().PostForm(e.URL+"/elsewhere/oauth2/v2.0/token", map[string][]string{"grant_type": {"client_credentials"}})
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), `"error":"invalid_tenant"`)
	require.Equal(t, testutil.Requests{Discovery: 1, Token: 1, Failed: 1}, e.Requests())
}

func TestAnotherScopeIsRefused(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	p := e.NewPrincipal()
	secret, err := e.ClientSecret(p)
	require.NoError(t, err)
	managed, err := e.ManagedIdentity(p, azidentity.ClientID(p.ClientID))
	require.NoError(t, err)
	for cred, code := range map[azcore.TokenCredential]string{secret: "invalid_scope", managed: "invalid_resource"} {
		requireRefusal(t, otherScope{cred}, http.StatusBadRequest, code)
	}
	require.Equal(t, testutil.Requests{Discovery: 1, Token: 1, IMDS: 1, Failed: 2}, e.Requests())
}

// otherScope asks for tokens for Azure Storage.
type otherScope struct{ azcore.TokenCredential }

func (o otherScope) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return o.TokenCredential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
}

func TestAnUnknownManagedIdentityIsRefused(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	e.NewPrincipal()
	p := borrowEntra(t).NewPrincipal()
	for name, id := range managedIDs {
		cred, err := e.ManagedIdentity(p, id(p))
		require.NoError(t, err)
		requireRefusal(t, cred, http.StatusBadRequest, "invalid_request")
		require.Empty(t, e.Issued(), name)
	}
	require.Equal(t, testutil.Requests{IMDS: 3, Failed: 3}, e.Requests())
}

func TestWithoutASystemAssignedIdentityItIsRefused(t *testing.T) {
	t.Parallel()
	e := newEntra(t, false)
	e.NewPrincipal()
	cred, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: e.ClientOptions()})
	require.NoError(t, err)
	_, err = ask(t.Context(), cred)
	require.ErrorContains(t, err, "Identity not found")
	require.Equal(t, testutil.Requests{IMDS: 1, Failed: 1}, e.Requests())
}

func TestAWrongIdentityHeaderIsRefused(t *testing.T) {
	e := borrowEntra(t)
	p := e.NewPrincipal()
	_, err := e.AppService(t.Setenv, p, azidentity.ClientID(p.ClientID))
	require.NoError(t, err)
	t.Setenv("IDENTITY_HEADER", "wrong")
	cred, err := e.ManagedIdentity(p, azidentity.ClientID(p.ClientID))
	require.NoError(t, err)
	requireRefusal(t, cred, http.StatusUnauthorized, "unauthorized")
	require.Equal(t, testutil.Requests{AppService: 1, Failed: 1}, e.Requests())
}

func TestTheClientReachesNothingButTheFake(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	_, err := e.Client().Get("https://login.microsoftonline.com/")
	require.ErrorContains(t, err, "is not the fake Entra ID")
	require.Zero(t, e.Requests())
}

func TestVerifyAcceptsATokenUntilItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEntra(t, true)
		p := e.NewPrincipal()
		token := newToken(t, e, p)
		time.Sleep(time.Hour - time.Millisecond)
		oid, _, err := e.Verify(token)
		require.NoError(t, err)
		require.Equal(t, p.ObjectID, oid)
		time.Sleep(time.Millisecond)
		_, _, err = e.Verify(token)
		require.ErrorContains(t, err, "expired")
	})
}

func TestVerifyRefusesWhatItDidNotIssue(t *testing.T) {
	t.Parallel()
	e, other := borrowEntra(t), borrowEntra(t)
	p := e.NewPrincipal()
	own := newToken(t, e, p)
	_, _, err := e.Verify(own)
	require.NoError(t, err)

	parts := strings.Split(own, ".")
	claims := jwt.MapClaims{"oid": p.ObjectID, "aud": testutil.Audience, "exp": time.Now().Add(time.Hour).Unix()}
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	symmetric, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("key"))
	require.NoError(t, err)
	altered := base64.RawURLEncoding.EncodeToString([]byte(`{"oid":"` + p.ObjectID + `","aud":"` + testutil.Audience + `","exp":99999999999}`))
	for name, token := range map[string]string{
		"foreign":       newToken(t, other, other.NewPrincipal()),
		"unsigned":      unsigned,
		"symmetric":     symmetric,
		"altered":       parts[0] + "." + altered + "." + parts[2],
		"no signature":  parts[0] + "." + parts[1] + ".",
		"two segments":  parts[0] + "." + parts[1],
		"with a prefix": "Bearer " + own,
		"in spaces":     " " + own,
		"empty":         "",
		"a word":        "password",
		"dots":          "..",
	} {
		oid, expires, err := e.Verify(token)
		require.Error(t, err, name)
		require.Empty(t, oid, name)
		require.Zero(t, expires, name)
		if len(token) > 2 {
			require.False(t, strings.Contains(err.Error(), token), "%s: the error holds the token", name)
		}
	}
}

func TestVerifyRefusesATokenThatWasIssuedExpired(t *testing.T) {
	t.Parallel()
	e := borrowEntra(t)
	_, _, err := e.Verify(expiredToken(t, e, e.NewPrincipal()))
	require.ErrorContains(t, err, "expired")
}

// expiredToken returns a token of p that has expired.
func expiredToken(t *testing.T, e fakeEntra, p *testutil.Principal) string {
	t.Helper()
	e.SetLifetime(-time.Second)
	defer e.SetLifetime(time.Hour)
	return newToken(t, e, p)
}
