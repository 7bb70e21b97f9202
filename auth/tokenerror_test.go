package auth_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/testutil"
)

// constructionError is what NewTokenSource says of cred within a minute.
func constructionError(t *testing.T, cred azcore.TokenCredential, opts *auth.Options) *auth.TokenError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := auth.NewTokenSource(ctx, cred, opts)
	if err == nil {
		require.NoError(t, s.Close())
	}
	var failed *auth.TokenError
	require.ErrorAs(t, err, &failed)
	return failed
}

func TestErrorsAreClassifiedByStatusAndCode(t *testing.T) {
	for _, c := range []struct {
		failure testutil.Failure
		kind    auth.Kind
		hint    string
	}{
		{testutil.Failure{Status: 401, Code: "invalid_client"}, auth.Rejected, "create a new one"},
		{testutil.Failure{Status: 400, Code: "unauthorized_client"}, auth.Rejected, "client id and the tenant id"},
		{testutil.Failure{Status: 400, Code: "invalid_scope"}, auth.Rejected, "Options.Scopes"},
		{testutil.Failure{Status: 400, Code: "invalid_resource"}, auth.Rejected, "Options.Scopes"},
		{testutil.Failure{Status: 400, Code: "invalid_tenant"}, auth.Rejected, "tenant"},
		{testutil.Failure{Status: 400, Code: "temporarily_unavailable"}, auth.Unavailable, "tried again"},
		{testutil.Failure{Status: 400, Code: "something_new"}, auth.Unavailable, "tried again"},
		{testutil.Failure{Status: 408, Code: "invalid_client"}, auth.Unavailable, "tried again"},
		{testutil.Failure{Status: 429}, auth.Unavailable, "slow down"},
		{testutil.Failure{Status: 500, Code: "invalid_client"}, auth.Unavailable, ""},
		{testutil.Failure{Status: 503}, auth.Unavailable, "outages"},
		{testutil.Failure{Drop: true}, auth.Unavailable, "can be reached"},
	} {
		t.Run(fmt.Sprintf("%d %s", c.failure.Status, c.failure.Code), func(t *testing.T) {
			bubble(t, time.Hour, func(t *testing.T, entra *testutil.Entra, cred azcore.TokenCredential) {
				entra.Fail(c.failure)
				e := constructionError(t, cred, nil)
				require.Equal(t, c.kind, e.Kind)
				require.Equal(t, c.kind == auth.Unavailable, e.Temporary())
				require.Equal(t, c.failure.Status, e.Status)
				if !c.failure.Drop && c.failure.Code != "" {
					require.Equal(t, c.failure.Code, e.Code)
					require.Contains(t, e.Error(), "AADSTS90033")
				}
				require.Contains(t, e.Error(), c.hint)
				require.NotContains(t, e.Error(), "Trace ID")
			})
		})
	}
}

func TestErrorsOfTheManagedIdentityEndpoint(t *testing.T) {
	for _, c := range []struct {
		failure testutil.Failure
		kind    auth.Kind
		hint    string
	}{
		{testutil.Failure{Status: 400, Code: "invalid_request"}, auth.NoIdentity, "assign"},
		{testutil.Failure{Status: 404, Code: "invalid_resource"}, auth.Unavailable, "tried again"},
		{testutil.Failure{Status: 410, Code: "gone"}, auth.Unavailable, "tried again"},
		{testutil.Failure{Status: 429}, auth.Unavailable, "slow down"},
		{testutil.Failure{Status: 500}, auth.Unavailable, "tried again"},
		{testutil.Failure{Drop: true}, auth.Unavailable, "exists on Azure only"},
	} {
		for _, user := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d user-assigned=%v", c.failure.Status, user), func(t *testing.T) {
				bubble(t, time.Minute, func(t *testing.T, entra *testutil.Entra, _ azcore.TokenCredential) {
					p := entra.NewPrincipal()
					var id azidentity.ManagedIDKind
					if user {
						id = azidentity.ClientID(p.ClientID)
					}
					cred, err := entra.ManagedIdentity(p, id)
					require.NoError(t, err)
					entra.Fail(c.failure)
					e := constructionError(t, cred, nil)
					require.Equal(t, c.kind, e.Kind, "%v", e)
					if user || c.kind != auth.NoIdentity {
						require.Equal(t, c.failure.Status, e.Status)
						require.Contains(t, e.Hint, c.hint)
					}
				})
			})
		}
	}
}

func TestACredentialWithoutIdentitySaysWhereToGetOne(t *testing.T) {
	none := credentialFunc(func(context.Context) (azcore.AccessToken, error) {
		return azcore.AccessToken{}, azidentity.NewCredentialUnavailableError("AzureCLICredential: please run az login")
	})
	chain, err := azidentity.NewChainedTokenCredential([]azcore.TokenCredential{none, none}, nil)
	require.NoError(t, err)
	for _, cred := range []azcore.TokenCredential{none, chain} {
		e := constructionError(t, cred, nil)
		require.Equal(t, auth.NoIdentity, e.Kind)
		require.Contains(t, e.Error(), "az login")
		require.Contains(t, e.Hint, "AZURE_CLIENT_ID")
	}
}

func TestAManagedIdentityBehindTheDefaultChainIsRecognised(t *testing.T) {
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "prod")
	t.Setenv("AZURE_CLIENT_ID", "11111111-2222-3333-4444-555555555555") // nobody's
	synctest.Test(t, func(t *testing.T) {
		entra := testutil.NewEntra(t, &testutil.EntraOptions{InMemory: true})
		cred, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: entra.ClientOptions(), DisableInstanceDiscovery: true})
		require.NoError(t, err)
		begun := time.Now()
		e := constructionError(t, cred, nil)
		require.Equal(t, auth.NoIdentity, e.Kind, "%v", e)
		require.Equal(t, 400, e.Status)
		require.Contains(t, e.Hint, "no such managed identity")
		require.Zero(t, time.Since(begun), "at once")

		entra.Hang() // the probe of IMDS, which has a second, is not hung up; the token is
		e = constructionError(t, cred, nil)
		require.Equal(t, auth.Unavailable, e.Kind, "%v", e)
	})
}

func TestAProbeThatTimedOutMayDoBetterNextTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := newSource(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) {
			if calls++; calls < 3 {
				return azcore.AccessToken{}, azidentity.NewCredentialUnavailableError("ManagedIdentityCredential: managed identity timed out")
			}
			return azcore.AccessToken{Token: jwt(`{"oid":"x"}`), ExpiresOn: time.Now().Add(time.Hour)}, nil
		}), nil)
		require.EqualValues(t, 2, s.Stats().Failures)
	})
}

func TestACommandLineToolThatIsNotLoggedInSaysSo(t *testing.T) {
	cred, err := azidentity.NewAzureCLICredential(nil)
	require.NoError(t, err)
	tool := t.TempDir() + "/az"
	require.NoError(t, os.WriteFile(tool, []byte("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n"), 0o755))
	t.Setenv("PATH", filepath.Dir(tool)+":"+os.Getenv("PATH"))
	e := constructionError(t, cred, nil)
	require.Equal(t, auth.LoginRequired, e.Kind)
	require.Contains(t, e.Error(), "az login")
	require.NotContains(t, e.Error(), "login.microsoftonline.com")
}

func TestAChainDoesNotGiveOutWhatASourceOfItSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entra := testutil.NewEntra(t, &testutil.EntraOptions{InMemory: true})
		good, err := entra.ClientSecret(entra.NewPrincipal())
		require.NoError(t, err)
		entra.SetBrokenJSON(true)
		leaky := credentialFunc(func(ctx context.Context) (azcore.AccessToken, error) {
			_, err := good.GetToken(ctx, request)
			return azcore.AccessToken{}, azidentity.NewCredentialUnavailableError(err.Error())
		})
		refused := credentialFunc(func(ctx context.Context) (azcore.AccessToken, error) {
			entra.Fail(testutil.Failure{Status: 401, Code: "invalid_client"})
			defer entra.Recover()
			return good.GetToken(ctx, request)
		})
		for _, sources := range [][]azcore.TokenCredential{{leaky, refused}, {leaky, leaky}} {
			chain, err := azidentity.NewChainedTokenCredential(sources, nil)
			require.NoError(t, err)
			e := constructionError(t, chain, nil)
			text := everyPrint(t, e)
			if failed := (*azidentity.AuthenticationFailedError)(nil); errors.As(e, &failed) {
				text += failed.Error()
			}
			require.NotContains(t, text, "eyJ")
			require.NotContains(t, text, "access_token")
		}
	})
}

func TestACredentialThatNeedsAPersonSaysSo(t *testing.T) {
	e := constructionError(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) {
		return azcore.AccessToken{}, fmt.Errorf("wrapped: %w", &azidentity.AuthenticationRequiredError{})
	}), nil)
	require.Equal(t, auth.LoginRequired, e.Kind)
	require.Contains(t, e.Hint, "Authenticate")
	var login *azidentity.AuthenticationRequiredError
	require.ErrorAs(t, e, &login, "so that a program can call Authenticate")
}

func TestWhatEntraSaysIsQuotedWithoutSecrets(t *testing.T) {
	body := `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret 'abC8Q~xYz.0123456789abcdefghijklmnopqrstuv' provided. Trace ID: 1"}`
	e := constructionError(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) {
		return azcore.AccessToken{}, &azidentity.AuthenticationFailedError{RawResponse: &http.Response{
			StatusCode: 401, Header: http.Header{"Retry-After": {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)}},
			Body: io.NopCloser(strings.NewReader(body)),
		}}
	}), nil)
	require.Equal(t, auth.Rejected, e.Kind)
	require.Contains(t, e.Detail, "AADSTS7000215: Invalid client secret '[redacted]' provided")
	require.NotContains(t, everyPrint(t, e), "abC8Q")
}

func TestErrorsOfOtherCredentialsStayReachable(t *testing.T) {
	sentinel := errors.New("the vault is sealed")
	synctest.Test(t, func(t *testing.T) {
		e := constructionError(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) {
			return azcore.AccessToken{}, fmt.Errorf("mine: %w", sentinel)
		}), nil)
		require.Equal(t, auth.Unavailable, e.Kind)
		require.ErrorIs(t, e, sentinel)
		require.ErrorIs(t, e, context.DeadlineExceeded, "what ended NewTokenSource")
		e = constructionError(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) {
			return azcore.AccessToken{}, &azcore.ResponseError{StatusCode: 400, RawResponse: &http.Response{StatusCode: 400, Body: http.NoBody}}
		}), nil)
		require.Equal(t, 400, e.Status)
	})
}

func TestUnusableTokensAreRefusedAtOnceWithoutAWordOfThem(t *testing.T) {
	signed := strings.Repeat("c2VjcmV0", 6)
	for name, c := range map[string]struct {
		token azcore.AccessToken
		says  string
	}{
		"empty":          {azcore.AccessToken{ExpiresOn: time.Now().Add(time.Hour)}, "empty"},
		"opaque":         {azcore.AccessToken{Token: signed, ExpiresOn: time.Now().Add(time.Hour)}, "opaque"},
		"encrypted":      {azcore.AccessToken{Token: strings.Repeat(signed+".", 4) + signed, ExpiresOn: time.Now().Add(time.Hour)}, "encrypted"},
		"without oid":    {azcore.AccessToken{Token: signed + ".e30." + signed, ExpiresOn: time.Now().Add(time.Hour)}, "no oid"},
		"expired":        {azcore.AccessToken{Token: signed, ExpiresOn: time.Now().Add(-time.Hour)}, "expired 1h0m0s ago"},
		"without expiry": {azcore.AccessToken{Token: signed}, "ExpiresOn"},
	} {
		t.Run(name, func(t *testing.T) {
			e := constructionError(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) { return c.token, nil }), nil)
			require.Equal(t, auth.UnusableToken, e.Kind)
			require.Contains(t, e.Error(), c.says)
			require.NotContains(t, e.Error(), signed)
		})
	}
}

func TestAnOpaqueTokenWorksWithAUsername(t *testing.T) {
	s := newSource(t, credentialFunc(func(context.Context) (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: "opaque", ExpiresOn: time.Now().Add(time.Hour)}, nil
	}), &auth.Options{Username: "me"})
	c, err := s.Credentials(t.Context())
	require.NoError(t, err)
	require.Equal(t, "me", c.Username)
}

// everyPrint is v in all the ways that a program may come to print it.
func everyPrint(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&b, verb+"\n", v)
		fmt.Fprintf(&b, verb+"\n", struct{ Field any }{v})
		fmt.Fprintf(&b, verb+"\n", []any{v, &v})
	}
	encoded, err := json.Marshal(map[string]any{"v": v})
	if err == nil {
		b.Write(encoded)
	}
	if encoded, err = xml.Marshal(v); err == nil {
		b.Write(encoded)
	}
	_ = gob.NewEncoder(&b).Encode(v)
	options := &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}
	slog.New(slog.NewTextHandler(&b, options)).Info("text", "v", v, "list", []any{v})
	slog.New(slog.NewJSONHandler(&b, options)).Info("json", "v", v, "list", []any{v})
	return b.String()
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entra := testutil.NewEntra(t, &testutil.EntraOptions{InMemory: true})
		cred, err := entra.ClientSecret(entra.NewPrincipal())
		require.NoError(t, err)
		holder := newSource(t, secretive{"eyJ.of.a-user"}, &auth.Options{Username: "me"})
		var logged syncBuffer
		events := make(chan auth.RefreshEvent, 1000)
		s := newSource(t, cred, &auth.Options{
			Logger:    slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
			OnRefresh: func(e auth.RefreshEvent) { events <- e },
		})
		c, err := s.Credentials(t.Context())
		require.NoError(t, err)
		for range 2 {
			entra.SetBrokenJSON(true)
			time.Sleep(time.Hour) // until the token has expired
			entra.SetBrokenJSON(false)
			time.Sleep(time.Minute)
		}
		entra.SetBrokenJSON(true)
		time.Sleep(2 * time.Hour)
		_, expired := s.Credentials(t.Context())
		require.Error(t, expired)
		broken := constructionError(t, cred, nil)

		var b strings.Builder
		static := auth.Static("user", c.Password)
		warm := auth.LastValid(static)
		_, err = warm.Credentials(t.Context())
		require.NoError(t, err)
		for _, v := range []any{c, &c, s, s.Stats(), expired, broken, static, warm, struct{ s auth.Source }{warm}, holder, errors.Join(broken, expired), fmt.Errorf("wrapped: %w", broken)} {
			b.WriteString(everyPrint(t, v))
		}
		var failed *azidentity.AuthenticationFailedError
		if errors.As(expired, &failed) {
			b.WriteString(failed.Error())
		}
		for len(events) > 0 {
			b.WriteString(everyPrint(t, <-events))
		}
		b.WriteString(logged.String())
		requireNoToken(t, b.String(), c.Password)
		require.Contains(t, b.String(), "[redacted]")
		require.Contains(t, logged.String(), "no new token")
	})
}

// secretive is a credential that fmt would print with its secret.
type secretive struct{ secret string }

func (s secretive) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: s.secret, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// requireNoToken fails if text holds any JWT, or a part of token.
func requireNoToken(t *testing.T, text, token string) {
	t.Helper()
	for _, part := range append(strings.Split(token, "."), "eyJ", fmt.Sprintf("%x", token[:20])) {
		if i := strings.Index(text, part); i >= 0 {
			t.Fatalf("a token shows at %d, after %q", i, text[max(0, i-100):i])
		}
	}
}

// syncBuffer is a bytes.Buffer for concurrent use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
