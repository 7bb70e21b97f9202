package redact

import "strings"

// Reply returns what a server replied to a login without what may be a secret of it: [Text], without the secrets that
// were sent and the beginnings of them, also those that look like words, unless they have fewer than four bytes.
func Reply(message string, secrets ...string) string {
	for _, secret := range secrets {
		message = without(message, secret)
	}
	text := Text(message)
	if text == strings.TrimSuffix(message, ".") {
		return message
	}
	return text
}

// without returns message with a mark in place of secret, and of the beginnings of it that are
// too long for chance.
func without(message, secret string) string {
	enough := min(len(secret), 8)
	if enough < 4 {
		return message // any word may hold that
	}
	var b strings.Builder
	for {
		at := strings.Index(message, secret[:enough])
		if at < 0 {
			b.WriteString(message)
			return b.String()
		}
		end := at + enough
		for end < len(message) && end-at < len(secret) && message[end] == secret[end-at] {
			end++
		}
		b.WriteString(message[:at] + Mark)
		message = message[end:]
	}
}
