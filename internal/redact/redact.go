// Package redact takes secrets out of text that other libraries wrote, so that
// it may stand in an error or a log. It is not a parser: when in doubt it drops
// text rather than keeps it.
package redact

import (
	"regexp"
	"strings"
)

// Mark stands where a secret stood.
const Mark = "[redacted]"

var (
	// body matches what MSAL puts in front of an answer it could not decode,
	// access token included.
	body = regexp.MustCompile(`(?is)json message bytes were.*`)
	// secret matches a JWT, and anything else long enough to be a token, a
	// client secret or a key. GUIDs (36 characters) and host names stay.
	secret = regexp.MustCompile(`eyJ[A-Za-z0-9_\-+/=.]+|[A-Za-z0-9_\-+=~]{40,}`)
)

// Text returns s, on one line, without anything that may be a secret: answers'
// bodies are cut out whole, and [Mark] stands for each long opaque word.
func Text(s string) string {
	s = body.ReplaceAllString(s, "answer "+Mark)
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		if isBody(line) {
			continue
		}
		if i := strings.IndexByte(line, '{'); i >= 0 {
			line = line[:i] + Mark
		}
		line = strings.TrimRight(strings.TrimSpace(secret.ReplaceAllString(line, Mark)), ".")
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

// isBody reports whether line belongs to a JSON document that began on a line
// above, or is one of the rulers that azidentity draws around one.
func isBody(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && (strings.IndexByte(`"}]{[<`, line[0]) >= 0 || strings.Trim(line, "-") == "")
}
