package benchmarks_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/benchmarks/measure"
	"github.com/redisentra/redisentra/testutil"
)

// BenchmarkSteady compares clients while no token is near its end, on their server's socket or, with TLS, behind
// the gateway. For each it reports the median of its throughput by that of static rueidis in the same round, where above 1 is
// faster; the ratio of their 99th percentiles, where above 1 is slower, as in all ratios of times; and allocations.
func BenchmarkSteady(b *testing.B) {
	sizes := map[int][]int{1: {16, 1 << 10, 64 << 10}, 8: {16}, 64: {16, 1 << 10, 64 << 10}, 256: {16}}
	for _, tls := range []bool{false, true} {
		s, err := measure.NewStage(tls)
		requireServer(b, err)
		for _, goroutines := range []int{1, 8, 64, 256} {
			for _, size := range sizes[goroutines] {
				b.Run(fmt.Sprintf("tls=%v/goroutines=%d/value=%d", tls, goroutines, size), func(b *testing.B) {
					t, err := s.NewTurns(b.Context(), measure.Load{
						Contenders: contenders.InSteadyState(), Goroutines: goroutines, ValueBytes: size, Turn: 20 * time.Millisecond,
					})
					require.NoError(b, err)
					defer t.Close()
					for b.Loop() {
						require.NoError(b, t.Round(b.Context()))
					}
					b.ReportMetric(0, "ns/op") // of a round, which means nothing
					all := t.Results()
					for _, r := range all {
						b.ReportMetric(measure.Median(r.Ratios), r.Contender+"-throughput-ratio")
						b.ReportMetric(float64(r.Latency.P99)/float64(all[0].Latency.P99), r.Contender+"-p99-ratio")
						b.ReportMetric(r.AllocsPerOp, r.Contender+"-allocs")
					}
				})
			}
		}
		s.Close()
	}
}

// requireServer skips b where there is no redis-server, but not in CI, like testutil does.
func requireServer(b *testing.B, err error) {
	b.Helper()
	if errors.Is(err, testutil.ErrNoRedisServer) && os.Getenv("CI") == "" {
		b.Skipf("SKIPPED: %v", err)
	}
	require.NoError(b, err)
}
