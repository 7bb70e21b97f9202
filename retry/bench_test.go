package retry_test

import (
	"context"
	"testing"

	"github.com/redisentra/redisentra/retry"
)

// BenchmarkDo is what Do costs where nothing fails.
func BenchmarkDo(b *testing.B) {
	ctx := b.Context()
	op := func(context.Context) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = retry.Do(ctx, retry.Policy{}, op)
	}
}
