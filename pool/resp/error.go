package resp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redisentra/redisentra/internal/redact"
)

// ErrClosed is the error of a connection that is used after Close, or after something
// went wrong on it; the text then says what. It is a [net.ErrClosed] as well.
var ErrClosed = fmt.Errorf("resp: %w", net.ErrClosed)

// ErrInUse says that a second goroutine, or OnPush, has used a connection in the middle of a command of
// somebody else. Nothing was sent, and the other is not disturbed.
var ErrInUse = errors.New("resp: the connection is in use by another goroutine, or by OnPush; it carries one command at a time")

// Error is an error that the server replied. The connection is as good as before.
type Error struct{ message string }

// Error returns all that the server said.
func (e *Error) Error() string { return e.message }

// Prefix returns the first word, which says what kind of error it is: "ERR", "WRONGPASS", "MOVED".
func (e *Error) Prefix() string {
	word, _, _ := strings.Cut(e.message, " ")
	return word
}

// RedisError marks the errors of servers, as it does in github.com/redis/go-redis.
func (e *Error) RedisError() {}

// ended returns the error of a ctx that has ended: both ctx.Err and the cause, if there is another one.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return fmt.Errorf("resp: %w", cause)
	}
	return fmt.Errorf("resp: %w: %w", err, cause)
}

// concealed returns what a server replied to a login without what may be a secret of it. A server that does not
// know the command repeats its arguments, and may cut them off anywhere.
func concealed(message string, args []string) string {
	if before, _, found := strings.Cut(message, "with args beginning with"); found {
		message = before + redact.Mark
	}
	for _, arg := range args {
		if !strings.EqualFold(arg, "AUTH") {
			message = without(message, arg)
		}
	}
	text := redact.Text(message)
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
		b.WriteString(message[:at] + redact.Mark)
		message = message[end:]
	}
}
