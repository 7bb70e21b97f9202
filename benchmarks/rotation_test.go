package benchmarks_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/benchmarks/measure"
)

// BenchmarkRotation lets each client bear the mixed load for lives of one second. It reports failed commands per
// million, the connections opened after the warm-up and the messages lost in each life, and the 99th percentile inside of
// rotation windows by that outside, if a life had enough commands in both.
func BenchmarkRotation(b *testing.B) {
	for _, c := range contenders.InRotation() {
		b.Run("client="+c.Name, func(b *testing.B) {
			cfg := measure.RotationConfig{Contenders: []contenders.Contender{c}, Life: time.Second, Lives: 1, Rounds: 1}
			var commands, failed, opened, lost, lives float64
			var ratios []float64
			for b.Loop() {
				all, err := measure.Rotations(b.Context(), cfg, func(float64) {})
				requireServer(b, err)
				r := all[0]
				for _, k := range r.Kinds {
					commands += float64(k.Commands)
					failed += float64(k.Failed)
				}
				opened += float64(r.Opened)
				lost += float64(r.MessagesLost)
				lives++
				if r.Inside.N >= leastLatencies && r.Outside.N >= leastLatencies {
					ratios = append(ratios, float64(r.Inside.P99)/float64(r.Outside.P99))
				}
			}
			b.ReportMetric(0, "ns/op") // of a life
			b.ReportMetric(failed/commands*1e6, "failed-ppm")
			b.ReportMetric(opened/lives, "opened/life")
			b.ReportMetric(lost/lives, "lost/life")
			if len(ratios) > 0 {
				b.ReportMetric(measure.Median(ratios), "p99-in/out")
			}
		})
	}
}

// leastLatencies is how many tell a 99th percentile that is not simply the slowest one.
const leastLatencies = 100

// BenchmarkRefresh reports when the last connection sent its AUTH with a new token, and how long after the first one that
// was, as parts of the token's life; and how many of the connections sent one at all.
func BenchmarkRefresh(b *testing.B) {
	const connections = 32 // which can be opened well within a second
	for _, c := range contenders.InRefresh() {
		b.Run(fmt.Sprintf("connections=%d/client=%s", connections, c.Name), func(b *testing.B) {
			cfg := measure.RefreshConfig{
				Contenders: []contenders.Contender{c}, Connections: []int{connections}, Life: time.Second, Rotations: 1,
			}
			var last, spread, reached []float64
			for b.Loop() {
				all, err := measure.Refreshes(b.Context(), cfg, func(float64) {})
				requireServer(b, err)
				r := all[0]
				last = append(last, float64(r.LastUse)/float64(r.Life))
				spread = append(spread, float64(r.Spread)/float64(r.Life))
				reached = append(reached, float64(r.Reached)/float64(r.Connections))
			}
			b.ReportMetric(0, "ns/op") // of a rotation
			b.ReportMetric(measure.Median(last), "last-use/life")
			b.ReportMetric(measure.Median(spread), "spread/life")
			b.ReportMetric(measure.Median(reached), "reached-ratio")
		})
	}
}
