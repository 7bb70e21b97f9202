package resp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redisentra/redisentra/internal/ctxerr"
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

// ended returns the error of a ctx that has ended.
func ended(ctx context.Context) error { return fmt.Errorf("resp: %w", ctxerr.Of(ctx)) }
