package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// times multiplies all figures.
func times(all []float64, factor float64) {
	for i := range all {
		all[i] *= factor
	}
}

func rotation(r *measure.Results, contender string) *measure.Rotation {
	return &r.Rotation[slices.IndexFunc(r.Rotation, func(r measure.Rotation) bool { return r.Contender == contender })]
}

func TestEachGoalCanBeMissed(t *testing.T) {
	for _, g := range goalsOf(invented()) {
		require.Equal(t, "met", g.Verdict, "%+v", g)
	}
	for name, c := range map[string]struct {
		goal  int
		spoil func(*measure.Results)
	}{
		"a command fails":       {0, func(r *measure.Results) { rotation(r, ours).Kinds[0].Failed = 3 }},
		"a connection closes":   {1, func(r *measure.Results) { rotation(r, ours).ClosedOnExpiry = 1 }},
		"a connection reopens":  {1, func(r *measure.Results) { rotation(r, ours).Opened = 1 }},
		"a message is lost":     {1, func(r *measure.Results) { rotation(r, ours).MessagesLost = 1 }},
		"slower over plaintext": {2, func(r *measure.Results) { slower(r, false) }},
		"slower over TLS":       {2, func(r *measure.Results) { slower(r, true) }},
		"slower in rotation":    {3, func(r *measure.Results) { times(rotation(r, ours).InsideOutside, 1.15) }},
		"late": {4, func(r *measure.Results) {
			most := mostRefreshed(r)
			most.LastUse = most.Life * 41 / 200 // of the margin, half of the life, 41 %
		}},
		"not all reached":               {4, func(r *measure.Results) { mostRefreshed(r).Reached-- }},
		"one closed, and reached again": {4, func(r *measure.Results) { mostRefreshed(r).ClosedOnExpiry = 1 }},
		"too many at once": {5, func(r *measure.Results) {
			f, _ := fleetOf(r, true, true)
			_, mean := f.PeakAndMean()
			f.Auths[len(f.Auths)-200] = int(2.2 * mean) // adds to the mean a little
		}},
		"too large":             {6, func(r *measure.Results) { mostConnected(r).Bytes = 2049 }},
		"a goroutine for a few": {6, func(r *measure.Results) { mostConnected(r).Goroutines = 0.02 }},
		"slower in a cluster":   {7, func(r *measure.Results) { times(r.Nodes[len(r.Nodes)-1].Ratios, 0.9) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := invented()
			c.spoil(r)
			for i, g := range goalsOf(r) {
				want := "met"
				if i == c.goal {
					want = "missed"
				}
				require.Equal(t, want, g.Verdict, "%+v", g)
			}
		})
	}
}

func slower(r *measure.Results, tls bool) {
	for _, s := range r.Steady {
		if s.Contender == ours && s.TLS == tls {
			times(s.Ratios, 0.9)
		}
	}
}

// mostRefreshed returns our refresh of the most connections, which is what the goal is about.
func mostRefreshed(r *measure.Results) *measure.Refresh {
	return &r.Refresh[slices.IndexFunc(r.Refresh, func(f measure.Refresh) bool { return f.Contender == ours && f.Connections == 1000 })]
}

// mostConnected returns what the most connections of ours cost.
func mostConnected(r *measure.Results) *measure.ConnectionCost {
	return &r.Connections[slices.IndexFunc(r.Connections, func(c measure.ConnectionCost) bool { return c.Contender == "reauth" && c.Connections == 10_000 })]
}

func TestWhatNoiseMayHaveDoneIsUndecided(t *testing.T) {
	r := invented()
	for _, s := range r.Steady {
		if s.Contender == ours {
			times(s.Ratios, 0.97/0.995)
		}
	}
	rotation(r, ours).Opened = 1
	g := goalsOf(r)[2]
	require.Equal(t, "undecided", g.Verdict, "%+v", g)
	html, _ := rendered(t, r)
	for _, text := range []string{"≈ undecided", "✗ missed", "6 goals met, 1 missed, 1 undecided."} {
		require.Contains(t, html, text)
	}
	require.Contains(t, table(r), "≈")
	require.Contains(t, table(r), "✗")
}

func TestNeitherPlaintextNorTLSHidesThatTheOtherIsUndecided(t *testing.T) {
	for _, noisy := range []bool{false, true} {
		r := invented()
		for _, s := range r.Steady {
			if s.Contender == ours && s.TLS == noisy {
				for i := range s.Ratios { // by the client, and faster at the median than the other one
					s.Ratios[i] = []float64{1.2, 0.9, 1.2, 0.9, 1.2}[i/s.Block]
				}
			}
		}
		g := goalsOf(r)[2]
		require.Equal(t, "undecided", g.Verdict, "%+v", g)
	}
}

func TestAnEstimateNamesItsInterval(t *testing.T) {
	require.Equal(t, estimate{}, estimateOf(nil))
	require.Equal(t, estimate{2, 2, 2}, estimateOf([]float64{2}))
	e := estimateOf([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9})
	require.Equal(t, 5.0, e.median)
	require.Equal(t, e, estimateOf([]float64{9, 8, 7, 6, 5, 4, 3, 2, 1}), "whatever their order")
	require.Greater(t, e.low, 1.0)
	require.Less(t, e.high, 9.0)
	require.Equal(t, "5× (95 %: 2–8)", estimate{5, 2, 8}.String())
}

func TestOnlyVariantsThatReachedAllAreDrawnAsQuick(t *testing.T) {
	r := []measure.Refresh{{Contender: "pool", Connections: 10, Reached: 4, Life: time.Second, LastUse: time.Millisecond}, {Contender: ours, Connections: 10, Reached: 10, Life: time.Second, LastUse: time.Second / 2}}
	drawn := svg(half, 300, "", refreshes(r))
	require.Contains(t, drawn, lookOf(ours).name)
	require.NotContains(t, drawn, lookOf("pool").name)
}
