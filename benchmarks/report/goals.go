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
	Verdict string // "met", "missed", "undecided", "unmeasured"
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
	case "undecided":
		return "≈"
	}
	return "–"
}

// What the goals allow.
const (
	leastThroughput = 0.97
	mostLatency     = 1.10
	mostUsed        = 40.0    // % of the margin, when 0.6 of it remain, see auth.Credentials.ReauthAt
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
	return goal{Promise: promise, Verdict: "unmeasured", Figure: "–"}
}

func noFailures(r *measure.Results) goal {
	const promise = "No command fails while tokens rotate"
	us, ok := rotationOf(r, ours)
	all, failed := commands(us)
	if !ok || all == 0 {
		return unknown(promise)
	}
	g := judged(promise, failed == 0, fmt.Sprintf("%s of %s", count(float64(failed)), count(float64(all))), "none",
		fmt.Sprintf("commands, over %d expiries", len(us.Expiries)))
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
	sum := func(r measure.Rotation) int { return r.Opened + r.ClosedOnExpiry + r.MessagesLost }
	each := func(r measure.Rotation) string {
		return fmt.Sprintf("%s closed on expiry, %s opened, %s messages lost", count(float64(r.ClosedOnExpiry)), count(float64(r.Opened)), count(float64(r.MessagesLost)))
	}
	g := judged(promise, sum(us) == 0, count(float64(sum(us))), "none", each(us))
	if none, ok := rotationOf(r, "rueidis-none"); ok {
		g.Beside += "; without refresh " + each(none)
	}
	return g
}

// halvesOf returns a contender's ratios of throughput over plaintext and over TLS: the medians of what turns with the same client have brought.
func halvesOf(r *measure.Results, contender string) (plaintext, tls []float64) {
	for _, s := range r.Steady {
		if s.Contender != contender {
			continue
		}
		for block := range slices.Chunk(s.Ratios, max(1, s.Block)) {
			if s.TLS {
				tls = append(tls, quantile(block, 0.5))
			} else {
				plaintext = append(plaintext, quantile(block, 0.5))
			}
		}
	}
	return plaintext, tls
}

func fullThroughput(r *measure.Results) goal {
	const promise = "As fast as rueidis with a static password"
	plaintext, tls := halvesOf(r, ours)
	if len(plaintext) == 0 || len(tls) == 0 {
		return unknown(promise)
	}
	worse, better, what := estimateOf(plaintext), estimateOf(tls), "over plaintext; over TLS "
	if better.median < worse.median {
		worse, better, what = better, worse, "over TLS; over plaintext "
	}
	// Both have to reach it, and the one whose median is lower need not be the one of which less is known.
	lower := estimate{low: min(worse.low, better.low), high: min(worse.high, better.high)}
	g := goal{
		promise, lower.verdict(leastThroughput, math.Inf(1)), ratio(worse.median) + "×", fmt.Sprintf("at least %v×", leastThroughput),
		worse.interval() + " of its throughput " + what + better.String(),
	}
	if plaintext, tls := halvesOf(r, "rueidis-none"); len(plaintext) > 0 && len(tls) > 0 {
		g.Beside += fmt.Sprintf("; without refresh, where the truth is 1×, %s and %s", estimateOf(plaintext), estimateOf(tls))
	}
	return g
}

func steadyLatency(r *measure.Results) goal {
	const promise = "Commands are no slower while tokens rotate"
	us, _ := rotationOf(r, ours)
	if len(us.InsideOutside) == 0 {
		return unknown(promise)
	}
	e := estimateOf(us.InsideOutside)
	g := goal{
		promise, e.verdict(0, mostLatency), ratio(e.median) + "×", fmt.Sprintf("at most %v×", mostLatency),
		e.interval() + " of the 99th percentile within 10 ms of an AUTH, to that of other times",
	}
	if none, _ := rotationOf(r, "rueidis-none"); len(none.InsideOutside) > 0 {
		g.Beside += fmt.Sprintf("; without refresh %s×", ratio(estimateOf(none.InsideOutside).median))
	}
	return g
}

// largest returns that of all which is a contender's and has the most connections.
func largest[T any](all []T, contender string, of func(T) (contender string, connections int)) (most T) {
	for _, v := range all {
		_, n := of(most)
		if c, m := of(v); c == contender && m >= n {
			most = v
		}
	}
	return most
}

func inTime(r *measure.Results) goal {
	const promise = "All connections have the new token long before the old one ends"
	most := largest(r.Refresh, ours, func(f measure.Refresh) (string, int) { return f.Contender, f.Connections })
	if most.Life <= 0 || most.LastUse <= 0 {
		return unknown(promise)
	}
	limit := short(mostUsed) + " %"
	if most.Reached < most.Connections || most.ClosedOnExpiry > 0 {
		return judged(promise, false, fmt.Sprintf("%s of %s", count(float64(most.Reached)), count(float64(most.Connections))), "all, after "+limit,
			fmt.Sprintf("connections; %s closed on expiry", count(float64(most.ClosedOnExpiry))))
	}
	margin := min(5*time.Minute-time.Second, most.Life/2)
	used := 100 * float64(most.LastUse) / float64(margin)
	return judged(promise, used <= mostUsed, short(used)+" %", "at most "+limit,
		fmt.Sprintf("of the margin, 5 minutes for an hour's token, is over when the last of %s connections sends AUTH with the new one", count(float64(most.Connections))))
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
		fmt.Sprintf("the even load, in the worst second: %s AUTHs instead of %s at once, of %s processes with %d connections that started together",
			count(peak), count(without), count(float64(spread.Processes)), spread.Each))
	if later, ok := fleetOf(r, true, false); ok {
		peak, mean := later.PeakAndMean()
		g.Beside += fmt.Sprintf("; started at any time %s instead of %s a second, by chance", count(peak), short(mean))
	}
	return g
}

func smallConnections(r *measure.Results) goal {
	const promise = "A connection takes little memory and no goroutine"
	connections := func(c measure.ConnectionCost) (string, int) { return c.Contender, c.Connections }
	us, rueidis := largest(r.Connections, "reauth", connections), largest(r.Connections, static, connections)
	if us.Connections == 0 {
		return unknown(promise)
	}
	g := judged(promise, us.Bytes <= mostBytes && us.Goroutines < 0.01, size(us.Bytes), "at most "+size(mostBytes)+" and no goroutine",
		fmt.Sprintf("on top of the bare connection, at %s of them, with %s timer and %s goroutines", count(float64(us.Connections)), short(us.Timers), short(us.Goroutines)))
	if rueidis.Bytes > 0 {
		g.Beside += fmt.Sprintf("; a connection of rueidis takes %s, at %s of them", size(rueidis.Bytes), count(float64(rueidis.Connections)))
	}
	return g
}

func anyCluster(r *measure.Results) goal {
	const promise = "It stays that way in a cluster"
	if len(r.Nodes) == 0 {
		return unknown(promise)
	}
	last := slices.MaxFunc(r.Nodes, func(a, b measure.Nodes) int { return a.Nodes - b.Nodes })
	e := estimateOf(last.Ratios)
	return goal{
		promise, e.verdict(leastThroughput, math.Inf(1)), ratio(e.median) + "×", fmt.Sprintf("at least %v×", leastThroughput),
		fmt.Sprintf("%s of static rueidis' throughput, at %d nodes; %s AUTHs in a token's life on %d connections", e.interval(), last.Nodes, short(last.Auths), last.Connections),
	}
}
