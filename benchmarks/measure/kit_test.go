package measure_test

import (
	"context"
	"errors"
	"testing"
)

var errCancelled = errors.New("nobody wants it any more")

// cancelled returns a context that has ended.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCancelled)
	return ctx
}
