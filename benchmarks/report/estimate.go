package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// estimate is a median, and what it may be in truth with a probability of 95 %.
type estimate struct{ median, low, high float64 }

// estimateOf finds the interval by resampling (the percentile bootstrap).
func estimateOf(all []float64) estimate {
	if len(all) == 0 {
		return estimate{}
	}
	all = slices.Sorted(slices.Values(all))
	dice := rand.New(rand.NewPCG(1, 1)) // the same results give the same page
	medians, sample := make([]float64, 2000), make([]float64, len(all))
	for i := range medians {
		for k := range sample {
			sample[k] = all[dice.IntN(len(all))]
		}
		medians[i] = quantile(sample, 0.5)
	}
	slices.Sort(medians)
	return estimate{quantile(all, 0.5), quantile(medians, 0.025), quantile(medians, 0.975)}
}

// verdict judges whether the truth lies between least and most.
func (e estimate) verdict(least, most float64) string {
	switch {
	case e.low >= least && e.high <= most:
		return "met"
	case e.high < least || e.low > most:
		return "missed"
	}
	return "undecided"
}

func (e estimate) interval() string {
	return fmt.Sprintf("(95 %%: %s–%s)", ratio(e.low), ratio(e.high))
}

func (e estimate) String() string { return ratio(e.median) + "× " + e.interval() }
