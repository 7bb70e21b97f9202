package auth

import (
	"context"
	"sync"
	"time"
)

const (
	// maxCalls bounds the calls that a limiter has under way. One is the rule; more
	// are those that outlived their ctx.
	maxCalls = 4
	// writeOff is after how long one of those is counted as lost, so that even calls
	// that never return only slow down what comes after them.
	writeOff = 5 * time.Minute
)

// A limiter calls functions that may ignore their ctx, and does not wait for
// them any longer than ctx lasts. Those left behind are limited in number.
type limiter chan struct{}

func newLimiter() limiter { return make(limiter, maxCalls) }

type result[T any] struct {
	value T
	err   error
}

// call returns what f returns, or the cause of ctx's end if that is sooner.
func call[T any](ctx context.Context, l limiter, f func(context.Context) (T, error)) (T, error) {
	var zero T
	select {
	case l <- struct{}{}:
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
	done := make(chan result[T], 1)
	release := sync.OnceFunc(func() { <-l })
	go func() {
		defer release()
		v, err := f(ctx)
		done <- result[T]{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		time.AfterFunc(writeOff, release)
		return zero, context.Cause(ctx)
	}
}
