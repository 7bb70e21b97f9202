package measure

import (
	"cmp"
	"slices"
	"time"
)

// rotation returns the figures of all turns.
func (n *notes) rotation(moment time.Duration) Rotation {
	r := n.result
	slices.Sort(r.Expiries)
	for k, t := range n.did {
		kind := Kind{Name: kindNames[k], Commands: t.commands, Failed: len(t.failures)}
		if t.err != nil {
			kind.Error = t.err.Error()
		}
		r.Kinds = append(r.Kinds, kind)
	}
	r.Inside, r.Outside = newPercentiles(n.inside), newPercentiles(n.outside)
	r.Timeline = n.timeline(moment)
	return r
}

// enough is how many latencies tell their 99th percentile.
const enough = 1000

// split returns the latencies of samples within the windows that begin with auths and those of the others, and for each
// stretch of time that has enough of both the ratio of their 99th percentiles. What is left at the end has none.
func split(auths []time.Duration, samples []sample) (inside, outside []time.Duration, ratios []float64) {
	slices.Sort(auths)
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	i, o := 0, 0 // where the stretch begins
	for _, s := range samples {
		if inWindow(auths, s) {
			inside = append(inside, s.took)
		} else {
			outside = append(outside, s.took)
		}
		if len(inside)-i >= enough && len(outside)-o >= enough {
			ratios = append(ratios, float64(newPercentiles(inside[i:]).P99)/float64(newPercentiles(outside[o:]).P99))
			i, o = len(inside), len(outside)
		}
	}
	return inside, outside, ratios
}

// inWindow reports whether s was under way in one of the windows that begin with auths, which are sorted.
func inWindow(auths []time.Duration, s sample) bool {
	i, _ := slices.BinarySearch(auths, s.at-Window+1) // the first that has not ended
	return i < len(auths) && auths[i] <= s.at+s.took
}

// timeline returns the moments, those without commands included.
func (n *notes) timeline(moment time.Duration) []Moment {
	moments := make([]Moment, int((n.took+moment-1)/moment))
	in := func(at time.Duration) int { return max(0, min(int(at/moment), len(moments)-1)) }
	latencies := make([][]time.Duration, len(moments))
	for _, s := range n.did[multiplexed].samples {
		i := in(s.at + s.took)
		latencies[i] = append(latencies[i], s.took)
	}
	for i := range moments {
		p := newPercentiles(latencies[i])
		moments[i] = Moment{At: time.Duration(i) * moment, P50: p.P50, Max: p.Max}
	}
	for _, t := range n.did {
		for _, at := range t.failures {
			moments[in(at)].Failed++
		}
	}
	return moments
}
