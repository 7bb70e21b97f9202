package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// rowHeight is that of one contender, whose name stands above what is drawn.
const rowHeight vg.Length = 38

// newRows returns a plot of n rows.
func newRows(x string, n int) *plot.Plot {
	p := newPlot(x, "")
	p.HideY()
	p.Y.Min, p.Y.Max = -0.45, float64(n)-0.2
	return p
}

// row names row i, counted from the top of n; aside is what else there is to say.
func row(p *plot.Plot, i, n int, name, aside, tint string) {
	y := float64(n - 1 - i)
	p.Add(words{written(p, "ink", 11.5), plotter.XY{X: p.X.Min, Y: y}, vg.Point{Y: 9}, name})
	style := written(p, tint, 11)
	style.XAlign = draw.XRight
	p.Add(words{style, plotter.XY{X: p.X.Max, Y: y}, vg.Point{Y: 9}, aside})
}

// failures draws how many commands of each variant failed.
func failures(rotations []measure.Rotation) func(draw.Canvas) {
	return func(c draw.Canvas) {
		most := 1
		for _, r := range rotations {
			_, failed := commands(r)
			most = max(most, failed)
		}
		p, n := newRows("commands that failed", len(rotations)), len(rotations)
		linear(&p.X, 0, float64(most)*1.02, 5, count)
		grid(p, true, false)
		for i, r := range rotations {
			l := lookOf(r.Contender)
			all, failed := commands(r)
			bar := draw.LineStyle{Color: paint(l.tint), Width: 11}
			y := float64(n - 1 - i)
			tint := "muted"
			if failed > 0 {
				p.Add(segments{bar, []plotter.XYs{{{X: 0, Y: y}, {X: float64(failed), Y: y}}}})
				tint = "vermilion"
			} else {
				p.Add(points{draw.GlyphStyle{Color: paint(l.tint), Radius: 4, Shape: draw.CircleGlyph{}}, plotter.XYs{{X: 0, Y: y}}})
			}
			row(p, i, n, l.name, fmt.Sprintf("%s of %s", count(float64(failed)), count(float64(all))), tint)
		}
		p.Draw(draw.Crop(c, 12, -14, 0, 0))
	}
}

// spreads draws ratios of several contenders: median, quartiles, and what 90 % lie within.
func spreads(x string, names []string, tints []string, ratios [][]float64) func(draw.Canvas) {
	return func(c draw.Canvas) {
		p, n := newRows(x, len(ratios)), len(ratios)
		from, to := 0.9, 1.1
		for _, r := range ratios {
			from, to = min(from, quantile(r, 0.05)), max(to, quantile(r, 0.95))
		}
		linear(&p.X, math.Floor(from*10)/10, math.Ceil(to*10)/10, 7, func(v float64) string { return short(v) + "×" })
		grid(p, true, false)
		p.Add(segments{draw.LineStyle{Color: paint("ink"), Width: 1, Dashes: dotted}, []plotter.XYs{{{X: 1, Y: p.Y.Min}, {X: 1, Y: p.Y.Max}}}})
		for i, r := range ratios {
			y := float64(n - 1 - i)
			between := func(a, b float64) []plotter.XYs {
				return []plotter.XYs{{{X: quantile(r, a), Y: y}, {X: quantile(r, b), Y: y}}}
			}
			colour := paint(tints[i])
			p.Add(
				segments{draw.LineStyle{Color: colour, Width: 1.2}, between(0.05, 0.95)},
				segments{draw.LineStyle{Color: colour, Width: 6}, between(0.25, 0.75)},
				points{draw.GlyphStyle{Color: paint("ink"), Radius: 3.4, Shape: draw.CircleGlyph{}}, plotter.XYs{{X: quantile(r, 0.5), Y: y}}},
			)
			row(p, i, n, names[i], ratio(quantile(r, 0.5))+"×", "muted")
		}
		p.Draw(draw.Crop(c, 12, -14, 0, 0))
	}
}

// throughput draws the ratios of all contenders over all loads, with TLS or without.
func throughput(steady []measure.Steady, tls bool) (paint func(draw.Canvas), rows int) {
	var names, tints []string
	var ratios [][]float64
	for _, s := range steady {
		if s.TLS != tls || s.Contender == static {
			continue
		}
		l := lookOf(s.Contender)
		i := slices.Index(names, l.name)
		if i < 0 {
			i = len(names)
			names, tints, ratios = append(names, l.name), append(tints, l.tint), append(ratios, nil)
		}
		ratios[i] = append(ratios[i], s.Ratios...)
	}
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(quantile(ratios[b], 0.5), quantile(ratios[a], 0.5)) })
	return spreads(timesStatic, pick(names, order), pick(tints, order), pick(ratios, order)), len(names)
}

const timesStatic = "throughput, as a multiple of rueidis with a static password"

// pick returns what order names.
func pick[T any](all []T, order []int) (picked []T) {
	for _, i := range order {
		picked = append(picked, all[i])
	}
	return picked
}

// nodeRatios draws the throughput by the nodes of a cluster.
func nodeRatios(nodes []measure.Nodes) func(draw.Canvas) {
	var names, tints []string
	var ratios [][]float64
	for _, n := range nodes {
		plural := "s"
		if n.Nodes == 1 {
			plural = ""
		}
		names = append(names, fmt.Sprintf("%d node%s: %s AUTHs in a token's life", n.Nodes, plural, short(n.Auths)))
		tints, ratios = append(tints, "blue"), append(ratios, n.Ratios)
	}
	return spreads(timesStatic, names, tints, ratios)
}

// static is the contender that others are compared with.
const static = "rueidis-static"

// quantile returns the value below which the part q of all lies; 0 of none.
func quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	at := q * float64(len(all)-1)
	i := int(at)
	if i+1 >= len(all) {
		return all[i]
	}
	return all[i] + (all[i+1]-all[i])*(at-float64(i))
}
