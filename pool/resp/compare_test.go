package resp_test

import (
	"slices"
	"testing"
	"time"
)

// compare runs both in short turns and reports the ratio of their times: the median of
// all pairs of turns, as what else the machine does comes and goes. What is counted per op is a turn of each, 50 calls.
func compare(b *testing.B, bare, client func()) {
	const turn = 50
	b.ReportAllocs()
	var ratios []float64
	var all [2]time.Duration
	n := 0
	for b.Loop() {
		var took [2]time.Duration
		for i, f := range []func(){bare, client} {
			begun := time.Now()
			for range turn {
				f()
			}
			took[i] = time.Since(begun)
			all[i] += took[i]
		}
		n += turn
		ratios = append(ratios, float64(took[1])/float64(took[0]))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "median-ratio")
	b.ReportMetric(float64(all[1])/float64(all[0]), "ratio")
	b.ReportMetric(float64(all[0].Nanoseconds())/float64(n), "bare-ns")
	b.ReportMetric(float64(all[1].Nanoseconds())/float64(n), "client-ns")
	b.ReportMetric(0, "ns/op")
}
