package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// spread is one row of a chart of ratios.
type spread struct {
	name, tint string
	parts      []part
}

// part is one line of a row.
type part struct {
	label  string
	ratios []float64
}

func (s spread) all() (ratios []float64) {
	for _, p := range s.parts {
		ratios = append(ratios, p.ratios...)
	}
	return ratios
}

const (
	nameHeight vg.Length = 25
	partHeight vg.Length = 12
)

// spreadsHeight is that of a chart of rows.
func spreadsHeight(rows []spread) vg.Length {
	height := vg.Length(44)
	for _, r := range rows {
		height += nameHeight + partHeight*vg.Length(len(r.parts))
	}
	return height
}

const timesStatic = "throughput, as a multiple of rueidis with a static password"

// spreads draws the median of each part, its quartiles, and what 90 % lie within.
func spreads(rows []spread) func(draw.Canvas) {
	return func(c draw.Canvas) {
		p := newPlot(timesStatic, "")
		p.HideY()
		p.Y.Min, p.Y.Max = 0, float64(spreadsHeight(rows)-40)
		from, to := 0.9, 1.1
		for _, r := range rows {
			for _, part := range r.parts {
				from, to = min(from, quantile(part.ratios, 0.25)), max(to, quantile(part.ratios, 0.75))
			}
		}
		from, to = math.Floor(from*10)/10, math.Ceil(to*10)/10
		linear(&p.X, from, to, 6, func(v float64) string { return short(v) + "×" })
		p.X.Min, p.X.Max = from-0.07*(to-from), to+0.13*(to-from) // room for what is written
		grid(p, true, false)
		p.Add(segments{draw.LineStyle{Color: paint("ink"), Width: 1, Dashes: dotted}, []plotter.XYs{{{X: 1, Y: p.Y.Min}, {X: 1, Y: p.Y.Max}}}})
		y := p.Y.Max
		small, right := written(p, "muted", 9.5), written(p, "muted", 9.5)
		right.XAlign = draw.XRight
		for _, r := range rows {
			y -= float64(nameHeight)
			p.Add(words{written(p, "ink", 11.5), plotter.XY{X: p.X.Min, Y: y}, vg.Point{Y: 9}, r.name})
			for _, part := range r.parts {
				p.Add(
					words{small, plotter.XY{X: p.X.Min, Y: y}, vg.Point{Y: -3.5}, part.label},
					words{right, plotter.XY{X: p.X.Max, Y: y}, vg.Point{Y: -3.5}, ratio(quantile(part.ratios, 0.5)) + "×"},
				)
				between := func(a, b float64) []plotter.XYs { // a few turns that went astray must not set the scale
					return []plotter.XYs{{{X: max(from, quantile(part.ratios, a)), Y: y}, {X: min(to, quantile(part.ratios, b)), Y: y}}}
				}
				p.Add(
					segments{draw.LineStyle{Color: paint(r.tint), Width: 1.2}, between(0.05, 0.95)},
					segments{draw.LineStyle{Color: paint(r.tint), Width: 5}, between(0.25, 0.75)},
					points{draw.GlyphStyle{Color: paint("ink"), Radius: 3, Shape: draw.CircleGlyph{}}, plotter.XYs{{X: quantile(part.ratios, 0.5), Y: y}}},
				)
				y -= float64(partHeight)
			}
		}
		p.Draw(draw.Crop(c, 12, -14, 0, 0))
	}
}

// throughputs returns a row for each contender, with TLS or without, the fastest first, and in it a part for each number of goroutines.
func throughputs(steady []measure.Steady, tls bool) (rows []spread) {
	steady = slices.Clone(steady)
	slices.SortStableFunc(steady, func(a, b measure.Steady) int { return a.Goroutines - b.Goroutines })
	for _, s := range steady {
		if s.TLS != tls || s.Contender == static || len(s.Ratios) == 0 {
			continue
		}
		l := lookOf(s.Contender)
		i := slices.IndexFunc(rows, func(r spread) bool { return r.name == l.name })
		if i < 0 {
			i = len(rows)
			rows = append(rows, spread{name: l.name, tint: l.tint})
		}
		label := count(float64(s.Goroutines))
		r := &rows[i]
		if n := len(r.parts); n == 0 || r.parts[n-1].label != label {
			r.parts = append(r.parts, part{label: label})
		}
		last := &r.parts[len(r.parts)-1]
		last.ratios = append(last.ratios, s.Ratios...)
	}
	slices.SortStableFunc(rows, func(a, b spread) int { return cmp.Compare(quantile(b.all(), 0.5), quantile(a.all(), 0.5)) })
	return rows
}

// nodeSpreads returns a row for each number of a cluster's nodes.
func nodeSpreads(nodes []measure.Nodes) (rows []spread) {
	for _, n := range nodes {
		plural := "s"
		if n.Nodes == 1 {
			plural = ""
		}
		name := fmt.Sprintf("%d node%s: %s AUTHs in a token's life", n.Nodes, plural, short(n.Auths))
		rows = append(rows, spread{name, "blue", []part{{"", n.Ratios}}})
	}
	return rows
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
