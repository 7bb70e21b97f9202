package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// load is one load of the steady state, and the median ratio of each contender under it.
type load struct {
	Name   string
	Ratios []contenderRatio
}

type contenderRatio struct {
	Contender string
	Ratio     float64
	Allocs    float64
	P99       float64 // to that of static rueidis
}

// loadsOf sorts steady by load.
func loadsOf(steady []measure.Steady) (loads []load) {
	sorted := slices.Clone(steady)
	slices.SortStableFunc(sorted, func(a, b measure.Steady) int {
		return cmp.Or(cmp.Compare(through(a), through(b)), a.Goroutines-b.Goroutines, a.ValueBytes-b.ValueBytes)
	})
	base := map[string]measure.Percentiles{}
	for _, s := range sorted {
		if s.Contender == static {
			base[loadName(s)] = s.Latency
		}
	}
	for _, s := range sorted {
		name := loadName(s)
		if n := len(loads); n == 0 || loads[n-1].Name != name {
			loads = append(loads, load{Name: name})
		}
		l := &loads[len(loads)-1]
		c := contenderRatio{Contender: s.Contender, Ratio: quantile(s.Ratios, 0.5), Allocs: s.AllocsPerOp}
		if b := base[name]; b.P99 > 0 && min(b.N, s.Latency.N) >= 5000 { // else it is one of a few commands
			c.P99 = float64(s.Latency.P99) / float64(b.P99)
		}
		l.Ratios = append(l.Ratios, c)
	}
	return loads
}

func loadName(s measure.Steady) string {
	return fmt.Sprintf("%s, %d goroutines, values of %s", through(s), s.Goroutines, size(float64(s.ValueBytes)))
}

func through(s measure.Steady) string {
	if s.TLS {
		return "TLS"
	}
	return "plaintext"
}
