package auth_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
)

// jwt is a token with these claims; nobody checks its signature.
func jwt(claims string) string {
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
}

func TestTheObjectIDIsTheUserName(t *testing.T) {
	const oid = "11111111-2222-3333-4444-555555555555"
	for name, token := range map[string]string{
		"plain":              jwt(`{"oid":"` + oid + `","appid":"other","sub":"other","exp":1}`),
		"float expiry":       jwt(`{"exp":1.5e9,"oid":"` + oid + `"}`),
		"string expiry":      jwt(`{"exp":"1500000000","oid":"` + oid + `"}`),
		"padded":             strings.Replace(jwt(`{"oid":"`+oid+`"} `), ".c2", "=.c2", 1),
		"the last oid wins":  jwt(`{"oid":"first","oid":"` + oid + `"}`),
		"keys keep case":     jwt(`{"oid":"` + oid + `","OID":"other"}`),
		"no signature":       strings.TrimSuffix(jwt(`{"oid":"`+oid+`"}`), "c2lnbmF0dXJl"),
		"odd header ignored": "!!." + strings.SplitN(jwt(`{"oid":"`+oid+`"}`), ".", 2)[1],
	} {
		got, err := auth.ObjectID(token)
		require.NoError(t, err, name)
		require.Equal(t, oid, got, name)
	}
}

func TestTokensThatNameNobodyAreExplained(t *testing.T) {
	for _, c := range []struct{ name, token, says string }{
		{"empty", "", "empty"},
		{"bearer", "Bearer " + jwt(`{"oid":"x"}`), `"Bearer "`},
		{"bearer in small letters", "bearer " + jwt(`{"oid":"x"}`), `"Bearer "`},
		{"line end", jwt(`{"oid":"x"}`) + "\n", "white space"},
		{"opaque", "0123456789abcdef", "opaque"},
		{"two parts", "a.b", "opaque"},
		{"four parts", "a.b.c.d", "three parts"},
		{"encrypted", "a.b.c.d.e", "encrypted"},
		{"bad base64", "a.***.c", "base64url"},
		{"standard base64", "a.+/+/.c", "base64url"},
		{"not JSON", jwt(`oid`), "JSON object"},
		{"cut JSON", jwt(`{"oid":"x"`), "JSON object"},
		{"an array", jwt(`["oid"]`), "JSON object"},
		{"null", jwt(`null`), "JSON object"},
		{"no oid", jwt(`{"sub":"me","appid":"me"}`), "no oid"},
		{"oid in capitals", jwt(`{"OID":"x"}`), "no oid"},
		{"null oid", jwt(`{"oid":null}`), "no oid"},
		{"a number", jwt(`{"oid":12}`), "not a string"},
		{"an object", jwt(`{"oid":{}}`), "not a string"},
		{"empty oid", jwt(`{"oid":""}`), "empty"},
		{"white oid", jwt(`{"oid":"a b"}`), "white space"},
		{"line end in oid", jwt(`{"oid":"a\r\nFLUSHALL"}`), "white space"},
	} {
		name, err := auth.ObjectID(c.token)
		require.ErrorContains(t, err, c.says, c.name)
		require.Empty(t, name, c.name)
	}
}

func FuzzObjectID(f *testing.F) {
	for _, s := range []string{"", "a.b.c", jwt(`{"oid":"x"}`), jwt(`{"oid":null}`), jwt(`{"oid":["x"]}`), "Bearer a.b.c", "a.b.c.d.e", jwt(`{"oid":"x","oid":1}`)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		oid, err := auth.ObjectID(token)
		if (err == nil) != (oid != "") {
			t.Fatalf("oid %q with error %v", oid, err)
		}
		if err != nil && len(token) > 16 && strings.Contains(err.Error(), token) {
			t.Fatal("the error shows the token")
		}
		if strings.ContainsAny(oid, " \t\r\n") {
			t.Fatalf("oid %q holds white space", oid)
		}
	})
}
