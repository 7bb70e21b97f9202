package auth

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// maxCalls bounds the calls that a limiter has under way. One is the rule; more
	// are those that outlived their ctx.
	maxCalls = 4
	// writeOff, for each call that was left behind since the last one that was not, is after how long
	// one of those makes room for another. So a hang that lasts a minute is not waited for
	// much longer than that, and even calls that never return only slow down what comes after them.
	writeOff, maxWriteOff = 30 * time.Second, 5 * time.Minute
)

// A limiter calls functions that may ignore their ctx, and does not wait for
// them any longer than ctx lasts. Those left behind are limited in number.
type limiter struct {
	room   chan struct{} // holds the calls that are under way and not written off
	behind atomic.Int64  // calls in a row that outlived their ctx
}

func newLimiter() *limiter { return &limiter{room: make(chan struct{}, maxCalls)} }

type result[T any] struct {
	value T
	err   error
}

// call returns what f returns, or the cause of ctx's end if that is sooner.
func call[T any](ctx context.Context, l *limiter, f func(context.Context) (T, error)) (T, error) {
	var zero T
	select {
	case l.room <- struct{}{}:
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
	done := make(chan result[T], 1)
	running, ended := context.WithCancel(context.Background())
	go func() {
		defer ended()
		v, err := f(ctx)
		done <- result[T]{v, err}
	}()
	select {
	case r := <-done:
		l.behind.Store(0)
		<-l.room
		return r.value, r.err
	case <-ctx.Done():
		wait := min(time.Duration(l.behind.Add(1))*writeOff, maxWriteOff)
		counts, stop := context.WithTimeout(running, wait)
		context.AfterFunc(counts, func() {
			stop()
			<-l.room
		})
		return zero, context.Cause(ctx)
	}
}
