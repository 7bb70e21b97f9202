package benchmarks_test

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// variant is one of several ways to do the same.
type variant struct {
	name string
	turn func(n int) // does it n times
}

// compare lets variants take turns of n operations each, in an order of chance, so that what else the machine does hits
// all alike. For each it reports the time and the allocations of an operation, and as ratio the median over all
// rounds of its time by that of the first variant: above 1 it is slower than that, below it is faster.
func compare(b *testing.B, n int, variants ...variant) {
	ratios := make([][]float64, len(variants))
	times := make([]time.Duration, len(variants))
	allocs := make([]uint64, len(variants))
	took := make([]time.Duration, len(variants))
	for _, v := range variants {
		v.turn(n) // warms up
	}
	rounds := 0
	for b.Loop() {
		for _, i := range rand.Perm(len(variants)) { // none is always the one behind another that leaves much garbage
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begun := time.Now()
			variants[i].turn(n)
			took[i] = time.Since(begun)
			runtime.ReadMemStats(&after)
			times[i] += took[i]
			allocs[i] += after.Mallocs - before.Mallocs
		}
		for i := range variants {
			ratios[i] = append(ratios[i], float64(took[i])/float64(took[0]))
		}
		rounds++
	}
	ops := float64(rounds * n)
	b.ReportMetric(0, "ns/op") // of a round, which means nothing
	for i, v := range variants {
		b.ReportMetric(float64(times[i])/ops, v.name+"-ns")
		b.ReportMetric(float64(allocs[i])/ops, v.name+"-allocs")
		b.ReportMetric(measure.Median(ratios[i]), v.name+"-ratio")
	}
}
