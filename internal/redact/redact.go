// Package redact takes secrets out of text that other libraries wrote, so that
// it may stand in an error or a log. It is not a parser: when in doubt it drops
// text rather than keeps it.
package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// Mark stands where a secret stood.
const Mark = "[redacted]"

var (
	// body begins what MSAL puts in front of an answer it could not decode, access
	// token included, or the page of a proxy.
	body = regexp.MustCompile(`(?is)(json message bytes were|<html|<head|<body|<!doctype).*`)
	// echo begins the arguments that Redis repeats of a command which it does not know, cut off anywhere.
	echo = regexp.MustCompile(`(?s)with args beginning with.*`)
	// named is a secret that says so.
	named = regexp.MustCompile(`(?i)((?:secret|password|token|assertion|key)=)[^\s&]+`)
	// userinfo is the part of a URL that names a user and a password.
	userinfo = regexp.MustCompile(`//[^/@\s]+@`)
	// jwt is a JSON web token, or the beginning of one.
	jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_\-+/=.]+`)
	// long are words long enough to be a token, a client secret or a key.
	long = regexp.MustCompile(`[A-Za-z0-9_\-+/=.~]{40,}`)
)

// Text returns s, on one line, without anything that may be a secret: answers'
// bodies are cut out whole, and [Mark] stands for each word that looks like one.
func Text(s string) string {
	s = body.ReplaceAllString(s, "answer "+Mark)
	s = echo.ReplaceAllString(s, Mark)
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		if isBody(line) {
			continue
		}
		if i := strings.IndexByte(line, '{'); i >= 0 {
			line = line[:i] + Mark
		}
		line = named.ReplaceAllString(line, "${1}"+Mark)
		line = userinfo.ReplaceAllString(line, "//"+Mark+"@")
		line = jwt.ReplaceAllString(line, Mark)
		line = long.ReplaceAllStringFunc(line, opaque)
		line = strings.TrimRight(strings.TrimSpace(line), ".")
		switch {
		case line == "":
			continue
		case b.Len() == 0:
		case strings.HasSuffix(b.String(), ":"):
			b.WriteString(" ")
		default:
			b.WriteString("; ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// opaque returns Mark for a word that no person wrote: one without a dot or slash, or
// with capitals, small letters and digits. Host names and the paths of URLs stay.
func opaque(word string) string {
	if !strings.ContainsAny(word, "./") ||
		strings.ContainsFunc(word, unicode.IsUpper) && strings.ContainsFunc(word, unicode.IsLower) && strings.ContainsFunc(word, unicode.IsDigit) {
		return Mark
	}
	return word
}

// isBody reports whether line belongs to a JSON document that began on a line
// above, or is one of the rulers that azidentity draws around one.
func isBody(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && (strings.IndexByte(`"}]{[<`, line[0]) >= 0 || strings.Trim(line, "-") == "")
}
