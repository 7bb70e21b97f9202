package benchmarks_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// variant is one of several ways to do the same.
type variant struct {
	name string
	n    int          // operations of a turn
	do   func() error // one of them; called by many goroutines at once
}

// cost is what one operation of a variant takes, in a turn.
type cost struct{ ns, allocs float64 }

// compare lets variants take turns in which so many goroutines share the operations, in an order of chance, so that what else
// the machine does hits all alike. For each it reports the time and the allocations of an operation, and as ratio the
// median over all rounds of its time by that of the first variant: above 1 it is slower than that, below it is faster.
func compare(b *testing.B, goroutines int, variants ...variant) {
	b.Helper()
	ratios := make([][]float64, len(variants))
	sums := make([]cost, len(variants))
	costs := make([]cost, len(variants))
	for _, v := range variants {
		v.turn(b, goroutines) // warms up
	}
	for b.Loop() {
		for _, i := range rand.Perm(len(variants)) { // none is always the one behind another that leaves much garbage
			costs[i] = variants[i].turn(b, goroutines)
		}
		for i, c := range costs {
			ratios[i] = append(ratios[i], c.ns/costs[0].ns)
			sums[i] = cost{sums[i].ns + c.ns, sums[i].allocs + c.allocs}
		}
	}
	b.ReportMetric(0, "ns/op") // of a round, which means nothing
	for i, v := range variants {
		rounds := float64(len(ratios[i]))
		b.ReportMetric(sums[i].ns/rounds, v.name+"-ns")
		b.ReportMetric(sums[i].allocs/rounds, v.name+"-allocs")
		b.ReportMetric(measure.Median(ratios[i]), v.name+"-ratio")
	}
}

// turn lets the goroutines do the operations, once all of them are there.
func (v variant) turn(b *testing.B, goroutines int) cost {
	b.Helper()
	var there, done sync.WaitGroup
	begin := make(chan struct{})
	there.Add(goroutines)
	for range goroutines {
		done.Go(func() {
			there.Done()
			<-begin
			for range v.n / goroutines {
				if err := v.do(); err != nil {
					b.Errorf("%s: %v", v.name, err)
					return
				}
			}
		})
	}
	there.Wait()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	close(begin)
	done.Wait()
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	if b.Failed() {
		b.FailNow()
	}
	n := float64(v.n)
	return cost{float64(took) / n, float64(after.Mallocs-before.Mallocs) / n}
}
