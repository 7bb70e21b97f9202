package measure_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/benchmarks/measure"
)

// fallen is a client that takes its server down, and then waits for its context.
type fallen struct {
	contenders.Client
	stop  func()
	ended chan error
}

func (f fallen) Pop(ctx context.Context, _ string, _ time.Duration) (string, error) {
	f.stop()
	<-ctx.Done()
	f.ended <- ctx.Err()
	return "", ctx.Err()
}

func TestWhatBlocksIsLetGoWhenTheServerIsGone(t *testing.T) {
	s, err := measure.NewStage(false)
	requireServer(t, err)
	ended := make(chan error, 2)
	require.Error(t, measure.OpenSoon(t.Context(), s, fallen{stop: sync.OnceFunc(s.Close), ended: ended}, 2))
	for range 2 {
		require.ErrorIs(t, <-ended, context.Canceled, "it took until the deadline")
	}
}
