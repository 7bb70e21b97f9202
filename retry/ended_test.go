package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/retry"
)

func TestTheContextsEndEndsTheLoopWhereverItIs(t *testing.T) {
	enough := errors.New("enough")
	for name, c := range map[string]struct {
		runs int
		last error
		f    func(ctx context.Context, end context.CancelCauseFunc, p *retry.Policy, op *script) func(context.Context) error
	}{
		"before the first attempt": {0, nil, func(_ context.Context, end context.CancelCauseFunc, _ *retry.Policy, op *script) func(context.Context) error {
			end(enough)
			return op.run
		}},
		"within an attempt": {2, io.EOF, func(_ context.Context, end context.CancelCauseFunc, _ *retry.Policy, op *script) func(context.Context) error {
			return func(ctx context.Context) error {
				if op.runs == 1 {
					end(enough)
				}
				return op.run(ctx)
			}
		}},
		"within an attempt that says so": {1, context.Canceled, func(ctx context.Context, end context.CancelCauseFunc, _ *retry.Policy, op *script) func(context.Context) error {
			return func(context.Context) error {
				op.runs++
				end(enough)
				return fmt.Errorf("op: %w", ctx.Err())
			}
		}},
		"within an attempt that says why": {1, enough, func(ctx context.Context, end context.CancelCauseFunc, _ *retry.Policy, op *script) func(context.Context) error {
			return func(context.Context) error {
				op.runs++
				end(enough)
				return context.Cause(ctx)
			}
		}},
		"in OnRetry": {1, io.EOF, func(_ context.Context, end context.CancelCauseFunc, p *retry.Policy, op *script) func(context.Context) error {
			p.OnRetry = func(retry.Attempt) { end(enough) }
			return op.run
		}},
		"while waiting": {1, io.EOF, func(_ context.Context, end context.CancelCauseFunc, _ *retry.Policy, op *script) func(context.Context) error {
			time.AfterFunc(10*time.Millisecond, func() { end(enough) })
			return op.run
		}},
		"in Refresh": {1, markedError("WRONGPASS"), func(_ context.Context, end context.CancelCauseFunc, p *retry.Policy, op *script) func(context.Context) error {
			op.errs = []error{markedError("WRONGPASS")}
			p.Refresh = func(ctx context.Context) error {
				time.AfterFunc(time.Second, func() { end(enough) })
				<-ctx.Done()
				return ctx.Err()
			}
			return op.run
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancelCause(t.Context())
				p, op := retry.Policy{}, &script{errs: []error{io.EOF}}
				err := retry.Do(ctx, p, func(context.Context) error { return nil })
				require.NoError(t, err)
				f := c.f(ctx, end, &p, op)
				err = retry.Do(ctx, p, f)
				require.Equal(t, c.runs, op.runs)
				require.Equal(t, c.runs, gaveUp(t, err).Attempts)
				require.ErrorIs(t, gaveUp(t, err).Ended, enough)
				require.ErrorIs(t, gaveUp(t, err).Ended, context.Canceled)
				require.ErrorIs(t, err, enough)
				require.Contains(t, err.Error(), "enough")
				if c.last != nil {
					require.ErrorIs(t, err, c.last)
				}
			})
		})
	}
}

func TestADeadlineEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		begun := time.Now()
		err := retry.Do(ctx, retry.Policy{}, (&script{errs: []error{io.EOF}}).run)
		require.Equal(t, 30*time.Millisecond, time.Since(begun))
		require.Equal(t, "retry: ended after 1 attempt in 30ms: context deadline exceeded; the last error: EOF", err.Error())
		begun = time.Now()
		err = retry.Do(ctx, retry.Policy{}, nil)
		require.ErrorContains(t, err, "op")
		err = retry.Do(ctx, retry.Policy{}, (&script{errs: []error{io.EOF}}).run)
		require.Equal(t, "retry: not tried: context deadline exceeded", err.Error())
		require.Zero(t, time.Since(begun))
	})
}

func TestNoAttemptIsStartedPastMaxElapsed(t *testing.T) {
	const most = time.Second
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			runs, begun, refreshed := 0, time.Now(), 0
			last := time.Duration(0)
			p := retry.Policy{MaxAttempts: 100, MaxElapsed: most, Refresh: func(ctx context.Context) error {
				refreshed++
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
				}
				return ctx.Err()
			}}
			err := retry.Do(t.Context(), p, func(context.Context) error {
				runs++
				last = time.Since(begun)
				time.Sleep(20 * time.Millisecond)
				return markedError("WRONGPASS")
			})
			require.Equal(t, runs, gaveUp(t, err).Attempts)
			require.GreaterOrEqual(t, runs, 3)
			require.GreaterOrEqual(t, refreshed, runs-1)
			require.Less(t, last, most)
			require.LessOrEqual(t, time.Since(begun), most+20*time.Millisecond)
			require.NoError(t, gaveUp(t, err).Ended, "the caller's ctx has not ended")
		}
	})
}

func TestAHangingRefreshEndsWithMaxElapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		p := retry.Policy{MaxElapsed: time.Second, Refresh: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		op := &script{errs: []error{markedError("WRONGPASS")}}
		err := retry.Do(t.Context(), p, op.run)
		require.Equal(t, time.Second, time.Since(begun))
		require.Equal(t, 1, op.runs)
		require.Equal(t, context.DeadlineExceeded, gaveUp(t, err).Refresh)
		require.NoError(t, gaveUp(t, err).Ended)
	})
}

func TestNobodyIsAskedOrToldOnceTheContextHasEnded(t *testing.T) {
	for name, within := range map[string]bool{"within an attempt": true, "while waiting": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, end := context.WithCancel(t.Context())
				told := 0
				err := retry.Do(ctx, retry.Policy{
					OnRetry: func(retry.Attempt) { told++ },
					Refresh: func(context.Context) error { t.Error("Refresh was called"); return nil },
				}, func(context.Context) error {
					if within {
						end()
					}
					time.AfterFunc(10*time.Millisecond, end)
					return markedError("WRONGPASS")
				})
				require.ErrorIs(t, gaveUp(t, err).Ended, context.Canceled)
				require.Equal(t, !within, told > 0, "of an attempt that does not come")
			})
		})
	}
}
