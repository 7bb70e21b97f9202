package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// goal is what redisentra promises, and whether the results show it.
type goal struct {
	Promise string
	Verdict string // "met", "missed", "not measured"
	Figure  string
	Limit   string // what the figure may be
	Beside  string // what others do, or what the figure is measured by
}

// Mark is the verdict for those who see no colours.
func (g goal) Mark() string {
	switch g.Verdict {
	case "met":
		return "✓"
	case "missed":
		return "✗"
	}
	return "–"
}

// What the goals allow. Throughput and latency of two clients that are the same differ by this much on a quiet machine.
const (
	leastThroughput = 0.97
	mostLatency     = 1.10
	mostBytes       = 2 << 10 // what a test of auth/reauth allows
	mostPeak        = 2.0     // of the mean
)

// ours is the contender that the goals are about.
const ours = "rueidis-instream"

// goalsOf judges r.
func goalsOf(r *measure.Results) []goal {
	return []goal{noFailures(r), noReconnects(r), fullThroughput(r), steadyLatency(r), inTime(r), spreadAuths(r), smallConnections(r), anyCluster(r)}
}

func judged(promise string, met bool, figure, limit, beside string) goal {
	verdict := "missed"
	if met {
		verdict = "met"
	}
	return goal{promise, verdict, figure, limit, beside}
}

func unknown(promise string) goal {
	return goal{Promise: promise, Verdict: "not measured", Figure: "–"}
}

func noFailures(r *measure.Results) goal {
	const promise = "No command fails while tokens rotate"
	us, ok := rotationOf(r, ours)
	all, failed := commands(us)
	if !ok || all == 0 {
		return unknown(promise)
	}
	g := judged(promise, failed == 0, fmt.Sprintf("%s of %s", count(float64(failed)), count(float64(all))), "none",
		fmt.Sprintf("over %d expiries", len(us.Expiries)))
	if none, ok := rotationOf(r, "rueidis-none"); ok {
		all, failed := commands(none)
		g.Beside += fmt.Sprintf("; without refresh %s of %s", count(float64(failed)), count(float64(all)))
	}
	return g
}

func noReconnects(r *measure.Results) goal {
	const promise = "No connection and no message is lost"
	us, ok := rotationOf(r, ours)
	if !ok {
		return unknown(promise)
	}
	g := judged(promise, us.ClosedOnExpiry == 0 && us.MessagesLost == 0, count(float64(us.ClosedOnExpiry+us.MessagesLost)), "none",
		fmt.Sprintf("closed on expiry %s, messages lost %s", count(float64(us.ClosedOnExpiry)), count(float64(us.MessagesLost))))
	if none, ok := rotationOf(r, "rueidis-none"); ok {
		g.Beside += fmt.Sprintf("; without refresh %s and %s", count(float64(none.ClosedOnExpiry)), count(float64(none.MessagesLost)))
	}
	return g
}

// ratiosOf returns the ratios of all turns and loads of a contender.
func ratiosOf(r *measure.Results, contender string) (ratios []float64) {
	for _, s := range r.Steady {
		if s.Contender == contender {
			ratios = append(ratios, s.Ratios...)
		}
	}
	return ratios
}

func fullThroughput(r *measure.Results) goal {
	const promise = "As fast as rueidis with a static password"
	ratios := ratiosOf(r, ours)
	if len(ratios) == 0 {
		return unknown(promise)
	}
	median := quantile(ratios, 0.5)
	g := judged(promise, median >= leastThroughput, ratio(median)+"×", fmt.Sprintf("at least %v×", leastThroughput),
		fmt.Sprintf("its throughput: median of %s turns, %s", count(float64(len(ratios))), worstLoad(r, ours)))
	if none := ratiosOf(r, "rueidis-none"); len(none) > 0 {
		g.Beside += fmt.Sprintf("; without refresh, which should be the same as static, %s× and %s", ratio(quantile(none, 0.5)), worstLoad(r, "rueidis-none"))
	}
	return g
}

// worstLoad returns the throughput of a contender under the load that it bore worst.
func worstLoad(r *measure.Results, contender string) string {
	worst := math.Inf(1)
	for _, s := range r.Steady {
		if s.Contender == contender && len(s.Ratios) > 0 {
			worst = min(worst, quantile(s.Ratios, 0.5))
		}
	}
	return "at worst " + ratio(worst) + "× under one load"
}

// inOut is the 99th percentile within rotation windows by that outside.
func inOut(r measure.Rotation) float64 {
	if r.Inside.P99 <= 0 || r.Outside.P99 <= 0 {
		return 0
	}
	return float64(r.Inside.P99) / float64(r.Outside.P99)
}

func steadyLatency(r *measure.Results) goal {
	const promise = "Commands are no slower while tokens rotate"
	us, _ := rotationOf(r, ours)
	value := inOut(us)
	if value == 0 {
		return unknown(promise)
	}
	g := judged(promise, value <= mostLatency, ratio(value)+"×", fmt.Sprintf("at most %v×", mostLatency),
		"99th percentile inside rotation windows by that outside")
	if none, _ := rotationOf(r, "rueidis-none"); inOut(none) > 0 {
		g.Beside += fmt.Sprintf("; without refresh %s×", ratio(inOut(none)))
	}
	return g
}

// slowest returns the refresh of the most connections of a contender.
func slowest(r *measure.Results, contender string) (most measure.Refresh) {
	for _, f := range r.Refresh {
		if f.Contender == contender && f.Connections >= most.Connections {
			most = f
		}
	}
	return most
}

func inTime(r *measure.Results) goal {
	const promise = "All connections have the new token before the old one ends"
	most := slowest(r, ours)
	if most.Life <= 0 || most.LastUse <= 0 {
		return unknown(promise)
	}
	if most.Reached < most.Connections || most.ClosedOnExpiry > 0 {
		return judged(promise, false, fmt.Sprintf("%s of %s", count(float64(most.Reached)), count(float64(most.Connections))), "all",
			fmt.Sprintf("connections; closed on expiry %s", count(float64(most.ClosedOnExpiry))))
	}
	left := min(5*time.Minute-time.Second, most.Life/2) // when it was asked for
	return judged(promise, most.LastUse < left, short(100*float64(most.LastUse)/float64(left))+" %", "below 100 %",
		fmt.Sprintf("of what the old token has left when the new one is asked for, until the last of %s connections uses it", count(float64(most.Connections))))
}

// fleetOf finds one of the fleets.
func fleetOf(r *measure.Results, spread, together bool) (measure.Fleet, bool) {
	i := slices.IndexFunc(r.Fleet, func(f measure.Fleet) bool { return f.Spread == spread && f.Together == together && len(f.Auths) > 0 })
	if i < 0 {
		return measure.Fleet{}, false
	}
	return r.Fleet[i], true
}

func spreadAuths(r *measure.Results) goal {
	const promise = "A fleet's AUTHs do not come all at once"
	spread, ok := fleetOf(r, true, true)
	unspread, ok2 := fleetOf(r, false, true)
	if !ok || !ok2 {
		return unknown(promise)
	}
	peak, mean := spread.PeakAndMean()
	without, _ := unspread.PeakAndMean()
	g := judged(promise, peak <= mostPeak*mean, short(peak/mean)+"×", fmt.Sprintf("at most %v×", mostPeak),
		fmt.Sprintf("the mean of the seconds with AUTHs is the worst one's: %s AUTHs instead of %s at once, of %s processes with %d connections that started together",
			count(peak), count(without), count(float64(spread.Processes)), spread.Each))
	if later, ok := fleetOf(r, true, false); ok {
		peak, mean := later.PeakAndMean()
		g.Beside += fmt.Sprintf("; started at any time %s× of %s", short(peak/mean), short(mean))
	}
	return g
}

// costOf returns the cost of a contender's connections at the largest number of them.
func costOf(r *measure.Results, contender string) (most measure.ConnectionCost) {
	for _, c := range r.Connections {
		if c.Contender == contender && c.Connections >= most.Connections {
			most = c
		}
	}
	return most
}

func smallConnections(r *measure.Results) goal {
	const promise = "A connection takes little memory and no goroutine"
	us, rueidis := costOf(r, "reauth"), costOf(r, static)
	if us.Connections == 0 {
		return unknown(promise)
	}
	g := judged(promise, us.Bytes <= mostBytes && us.Goroutines < 0.01, size(us.Bytes), "at most "+size(mostBytes)+" and no goroutine",
		fmt.Sprintf("on top of the bare connection, at %s of them, %s timer and %s goroutines", count(float64(us.Connections)), short(us.Timers), short(us.Goroutines)))
	if rueidis.Bytes > 0 {
		g.Beside += fmt.Sprintf("; %s %% of what one of rueidis takes", short(100*us.Bytes/rueidis.Bytes))
	}
	return g
}

func anyCluster(r *measure.Results) goal {
	const promise = "It stays that way in a cluster"
	if len(r.Nodes) == 0 {
		return unknown(promise)
	}
	last := slices.MaxFunc(r.Nodes, func(a, b measure.Nodes) int { return a.Nodes - b.Nodes })
	return judged(promise, last.Ratio >= leastThroughput, ratio(last.Ratio)+"×", fmt.Sprintf("at least %v×", leastThroughput),
		fmt.Sprintf("the throughput of static rueidis at %d nodes; %s AUTHs in a token's life on %d connections", last.Nodes, short(last.Auths), last.Connections))
}
