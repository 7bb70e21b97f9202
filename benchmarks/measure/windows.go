package measure

import (
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
	slices.Sort(n.auths)
	var inside, outside []time.Duration
	for _, s := range n.did[multiplexed].samples {
		if inWindow(n.auths, s) {
			inside = append(inside, s.took)
		} else {
			outside = append(outside, s.took)
		}
	}
	r.Inside, r.Outside = newPercentiles(inside), newPercentiles(outside)
	r.Timeline = n.timeline(moment)
	return r
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
