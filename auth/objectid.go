package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"unicode"
)

// objectID returns the oid claim of a token, the name of its principal's user in
// Azure's Redis. The signature is the server's business. An error says what is
// wrong with the token and what to do, without a word of the token itself.
func objectID(token string) (string, error) {
	const setUsername = "set Options.Username to the object id of the principal"
	switch {
	case token == "":
		return "", errors.New("the token is empty; the credential must return one")
	case len(token) >= 7 && strings.EqualFold(token[:7], "bearer "):
		return "", errors.New(`the token begins with "Bearer "; the credential must return the bare access token`)
	case strings.ContainsFunc(token, unicode.IsSpace):
		return "", errors.New("the token holds white space, perhaps a line end from a file; trim it")
	}
	parts := strings.Split(token, ".")
	switch len(parts) {
	case 3:
	case 1, 2:
		return "", errors.New("the token is opaque, not a JWT, and names no user; " + setUsername)
	case 5:
		return "", errors.New("the token is an encrypted JWT, whose claims only its audience can read; " + setUsername)
	default:
		return "", errors.New("the token is no JWT: it has not three parts; check that Options.Scopes asks for Redis")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return "", errors.New("the token's claims are not base64url; was it cut or changed on its way?")
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil || claims == nil {
		return "", errors.New("the token's claims are not a JSON object; was it cut or changed on its way?")
	}
	switch oid := claims["oid"].(type) {
	case nil:
		return "", errors.New("the token has no oid claim; is it an access token (not an id token) of Entra ID for a single principal? Or " + setUsername)
	case string:
		if oid == "" || strings.ContainsFunc(oid, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return "", errors.New("the token's oid claim is empty or holds white space; " + setUsername)
		}
		return oid, nil
	default:
		return "", errors.New("the token's oid claim is not a string; " + setUsername)
	}
}
