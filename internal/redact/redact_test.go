package redact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/redact"
)

const secret = "s3cr3t"

func TestSecretsGoAndTheRestStays(t *testing.T) {
	long := strings.Repeat("Ab9_-", 10)
	for _, c := range []struct{ name, text, want string }{
		{"nothing to hide", "dial tcp: lookup login.microsoftonline.com: no such host", "dial tcp: lookup login.microsoftonline.com: no such host"},
		{"GUIDs stay", "app 11111111-2222-3333-4444-555555555555 unknown", "app 11111111-2222-3333-4444-555555555555 unknown"},
		{"a JWT", "got eyJhbGciOiJSUzI1NiJ9.e30.c2ln from it", "got [redacted] from it"},
		{"a JWT's first part", "eyJhbGciOiJIUzI1NiJ9", "[redacted]"},
		{"an opaque word", "got " + long + "!", "got [redacted]!"},
		{"what MSAL could not decode", "json decode error: unexpected end\njson message bytes were: " + secret + "\n" + secret, "json decode error: unexpected end; answer [redacted]"},
		{"a body on the line", `answer: {"access_token":"` + secret + `"}`, "answer: [redacted]"},
		{"an indented body", "HTTP 400\n-----\n{\n  \"access_token\": \"" + secret + "\"\n}\n-----\nsee the guide", "HTTP 400; see the guide"},
		{"a page", "proxy said\n<html>" + secret + "</html>", "proxy said; answer [redacted]"},
		{"a page of lines", "proxy said\n <HTML>\n <p>client_secret=" + secret + "\n" + secret, "proxy said; answer [redacted]"},
		{"a client secret", "secret abC8Q~" + strings.Repeat("x.Y_1", 7) + " is wrong", "secret [redacted] is wrong"},
		{"an access key", "key " + strings.Repeat("aB1/", 10) + "+w=", "key [redacted]"},
		{"a named secret", "client_secret=" + secret + "&grant_type=x", "client_secret=[redacted]&grant_type=x"},
		{"a proxy's password", "proxyconnect http://me:" + secret + "@proxy:3128: refused", "proxyconnect http://[redacted]@proxy:3128: refused"},
		{"long host names and paths stay", "Post https://my-very-long-cache-name-in-europe.westeurope.redis.azure.net/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token", "Post https://my-very-long-cache-name-in-europe.westeurope.redis.azure.net/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token"},
		{"what Redis repeats", "ERR unknown command `AUTH`, with args beginning with: `me` `" + secret + "` ", "ERR unknown command `AUTH`, [redacted]"},
		{"lines become one", "Attempted credentials:\n\tA: missing.\n\tB: missing.", "Attempted credentials: A: missing; B: missing"},
		{"empty", "", ""},
	} {
		require.Equal(t, c.want, redact.Text(c.text), c.name)
	}
}

func TestARepliesSecretsGoFromFourBytesOn(t *testing.T) {
	const wrong = "WRONGPASS invalid username-password pair or user is disabled."
	token := strings.Repeat(secret+"-", 40)
	for text, want := range map[string]string{
		wrong:                           wrong,
		"no " + secret + "-s3 here":     "no [redacted] here",
		"no " + token + " here":         "no [redacted] here",
		"no " + token[:100] + ", cut":   "no [redacted], cut",
		"nothing like s3cr except that": "nothing like s3cr except that",
	} {
		require.Equal(t, want, redact.Reply(text, token), text)
	}
	require.Equal(t, "no [redacted]", redact.Reply("no "+secret, secret))
	require.Equal(t, "no [redacted]", redact.Reply("no s3cr", "s3cr"))
	require.Equal(t, "no s3c", redact.Reply("no s3c", "s3c"), "which could stand anywhere")
}
