package auth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/redisentra/redisentra/internal/redact"
)

// newTokenError explains the error that a GetToken under ctx returned.
func newTokenError(ctx context.Context, err error) *TokenError {
	e := &TokenError{cause: err, Detail: redact.Text(err.Error())}
	if strings.Contains(e.Detail, redact.Mark) {
		e.cause = errors.New(e.Detail) // what the original prints is not for everybody
	}
	var (
		ours   *TokenError
		login  *azidentity.AuthenticationRequiredError
		failed *azidentity.AuthenticationFailedError
		answer *azcore.ResponseError
		final  interface{ NonRetriable() }
	)
	switch {
	case errors.As(err, &ours):
		return ours
	case ctx.Err() != nil:
		// azidentity does not let errors.Is find what ended its own request.
		e.cause = context.Cause(ctx)
		e.Detail = "the credential did not answer before " + e.cause.Error()
		e.Hint = hintNetwork
	case errors.As(err, &login):
		e.Kind, e.cause = LoginRequired, err // whose text is azidentity's own
	case errors.As(err, &failed):
		e.answer(failed.RawResponse)
	case errors.As(err, &answer):
		e.answer(answer.RawResponse)
	case errors.As(err, &final):
		// azidentity's type for it is not exported. A probe of IMDS that timed out
		// says nothing for sure.
		if e.Hint = hintNoIdentity; !strings.Contains(e.Detail, "timed out") {
			e.Kind = NoIdentity
		}
	}
	if e.Hint == "" {
		e.Hint = hint(e)
	}
	return e
}

// answer takes over what is known from an HTTP answer, and classifies by it.
func (e *TokenError) answer(r *http.Response) {
	managedIdentity := strings.Contains(e.Detail, "ManagedIdentityCredential authentication failed")
	if r == nil || r.StatusCode < 300 {
		// No request was made, or it did not get through, or a good answer could not be
		// decoded. azidentity keeps the text of that in its error, so that error is not kept.
		e.cause = errors.New(e.Detail)
		switch {
		case strings.Contains(e.Detail, "az login"), strings.Contains(e.Detail, "azd auth login"), strings.Contains(e.Detail, "Connect-AzAccount"):
			e.Kind = LoginRequired
		case strings.Contains(e.Detail, imds):
			e.Hint = "a managed identity exists on Azure only: elsewhere use DefaultAzureCredential with `az login`; on Azure check that a proxy does not take " + imds
		case strings.Contains(e.Detail, "://"):
			e.Hint = hintNetwork
		}
		return
	}
	if r.Request != nil && r.Request.URL.Host == imds {
		managedIdentity = true
	}
	// azidentity's errors begin with the name of the credential.
	credential, _, _ := strings.Cut(strings.ReplaceAll(e.Detail, ":", " "), " ")
	e.Status = r.StatusCode
	e.retryAfter = retryAfter(r.Header)
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if raw, err := runtime.Payload(r); err == nil && json.Unmarshal(raw, &body) == nil && body.Error != "" {
		e.Code = redact.Text(body.Error)
		// The first sentence says it; after that come trace ids.
		first, _, _ := strings.Cut(body.Description, "Trace ID:")
		e.Detail = credential + ": " + redact.Text(first)
	} else {
		e.Detail = credential + ": no OAuth error in the answer"
	}
	switch {
	case managedIdentity && e.Status == http.StatusBadRequest:
		e.Kind = NoIdentity
	case managedIdentity && (e.Status == http.StatusNotFound || e.Status == http.StatusGone):
	case e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests, e.Status >= 500:
	default:
		switch e.Code {
		case "invalid_client", "unauthorized_client", "invalid_scope", "invalid_resource", "invalid_tenant":
			e.Kind = Rejected
		}
	}
}

// retryAfter reads a Retry-After header in seconds or as a date, maxRetryAfter at most;
// 0: none.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(s, 0), int(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}

const (
	imds           = "169.254.169.254" // the managed identity endpoint of virtual machines
	hintNetwork    = "it is tried again; check that Entra ID (login.microsoftonline.com, port 443) can be reached from here"
	hintNoIdentity = "no identity found: on your own machine run `az login`; on Azure assign a managed identity to the machine or app; " +
		"elsewhere set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
)

// hint returns what a person can do about e.
func hint(e *TokenError) string {
	switch e.Kind {
	case LoginRequired:
		return "somebody has to log in: with the command that the message names, or by the credential's Authenticate with scope " + DefaultScope
	case NoIdentity:
		if e.Status == http.StatusBadRequest {
			return "no such managed identity here: assign it to this machine or app, and compare its client, object or resource id"
		}
		return hintNoIdentity
	case Rejected:
		switch e.Code {
		case "invalid_client":
			return "the client secret, certificate or assertion is wrong or has expired: create a new one in the app registration (use the secret's value, not its id)"
		case "unauthorized_client":
			return "the application is not known in this tenant or may not use this flow: compare the client id and the tenant id"
		case "invalid_scope", "invalid_resource":
			return "check Options.Scopes: Redis in Azure is " + DefaultScope + " in every cloud"
		case "invalid_tenant":
			return "check the tenant id"
		}
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		return "Entra ID asks to slow down; it is asked again later: share one TokenSource per identity"
	case e.Status != 0:
		return "this may pass by itself, and is tried again; https://azure.status.microsoft shows outages"
	}
	return "this may pass by itself, and is tried again"
}
