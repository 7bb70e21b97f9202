package main

import (
	"fmt"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// fleet draws the AUTHs of two fleets in each bucket, one spread and one not: of those that started together the last minutes
// before expiry, of the others some minutes.
func fleet(fleets []measure.Fleet, together bool) func(draw.Canvas) {
	return func(c draw.Canvas) {
		p := newPlot("time, of which there is an hour (min:s)", "AUTHs in a second")
		if together {
			p.X.Label.Text = "time left until the tokens expire (min:s)"
		}
		var peaks []float64
		for _, f := range fleets {
			if f.Together == together {
				peaks = append(peaks, float64(slices.Max(f.Auths)))
			}
		}
		every(&p.X, 0, 5*60, 60, clock)
		if together {
			logarithmic(&p.Y, count, 0.22, append(peaks, 1)...)
			every(&p.X, -270, -150, 30, clock)
		} else {
			linear(&p.Y, 0, max(slices.Max(append(peaks, 1))*1.3, 5), 5, count)
		}
		grid(p, false, true)
		p.Legend.Left, p.Legend.XOffs = true, 4
		for _, f := range fleets {
			if f.Together != together {
				continue
			}
			l, name := look{tint: "vermilion", shape: draw.RingGlyph{}}, "not spread"
			if f.Spread {
				l, name = look{tint: "blue", shape: draw.CircleGlyph{}}, "spread by redisentra"
			}
			sticks, tops := sticksOf(f, p)
			lines, marks := segments{l.line(1.3), sticks}, points{l.glyph(3), tops}
			name = fmt.Sprintf("%s: at most %s", name, count(float64(slices.Max(f.Auths))))
			if p.Add(lines); f.Spread {
				p.Legend.Add(name, lines)
				continue
			}
			p.Add(marks)
			p.Legend.Add(name, lines, marks)
		}
		p.Draw(draw.Crop(c, 2, -12, 0, -4))
	}
}

// sticksOf returns a line from the axis for each bucket of f that is in p and not empty, and their ends.
func sticksOf(f measure.Fleet, p *plot.Plot) (sticks []plotter.XYs, tops plotter.XYs) {
	for i, n := range f.Auths {
		x := (time.Duration(i) * f.Bucket).Seconds()
		if f.Together {
			x -= f.Life.Seconds()
		}
		if n == 0 || x < p.X.Min || x > p.X.Max {
			continue
		}
		top := plotter.XY{X: x, Y: float64(n)}
		sticks, tops = append(sticks, plotter.XYs{{X: x, Y: p.Y.Min}, top}), append(tops, top)
	}
	return sticks, tops
}

// clock writes seconds as minutes and seconds.
func clock(s float64) string {
	d := int(max(s, -s) + 0.5)
	return fmt.Sprintf("%d:%02d", d/60, d%60)
}

// memory draws what a connection takes on top of the bare one.
func memory(costs []measure.ConnectionCost) func(draw.Canvas) {
	x := func(c measure.ConnectionCost) float64 { return float64(c.Connections) }
	y := func(c measure.ConnectionCost) float64 { return c.Bytes }
	name := func(c measure.ConnectionCost) string { return c.Contender }
	return curves("connections", "memory of each", costs, name, x, y, count, size)
}

// refreshes draws how long it takes until all connections use a new token.
func refreshes(all []measure.Refresh) func(draw.Canvas) {
	x := func(r measure.Refresh) float64 { return float64(r.Connections) }
	y := func(r measure.Refresh) float64 {
		if r.Reached < r.Connections { // it would look quick
			return 0
		}
		return r.LastUse.Seconds() / max(r.Life.Seconds(), 1e-9) * 100
	}
	name := func(r measure.Refresh) string { return r.Contender }
	percent := func(v float64) string { return short(v) + " %" }
	return curves("connections", "part of the token's life", all, name, x, y, count, percent)
}

// curves draws a line for each contender on logarithmic axes.
func curves[T any](xTitle, yTitle string, all []T, name func(T) string, x, y func(T) float64, xLabel, yLabel func(float64) string) func(draw.Canvas) {
	return func(c draw.Canvas) {
		var names []string
		lines := map[string]plotter.XYs{}
		var xs, ys []float64
		for _, v := range all {
			if x(v) <= 0 || y(v) <= 0 {
				continue
			}
			n := name(v)
			if lines[n] == nil {
				names = append(names, n)
			}
			lines[n] = append(lines[n], plotter.XY{X: x(v), Y: y(v)})
			xs, ys = append(xs, x(v)), append(ys, y(v))
		}
		p := newPlot(xTitle, yTitle)
		logarithmic(&p.X, xLabel, 0.03, xs...)
		logarithmic(&p.Y, yLabel, 0.05, ys...)
		grid(p, false, true)
		for i, n := range names {
			l := lookOf(n)
			p.Add(segments{l.line(2), []plotter.XYs{lines[n]}}, points{l.glyph(3.6), lines[n]})
			at := vg.Point{X: c.Min.X + 4, Y: c.Max.Y - 13 - 15*vg.Length(i)}
			c.StrokeLine2(l.line(2), at.X, at.Y+3.5, at.X+24, at.Y+3.5)
			c.DrawGlyphNoClip(l.glyph(3.6), vg.Point{X: at.X + 12, Y: at.Y + 3.5})
			c.FillText(written(p, "ink", 11), vg.Point{X: at.X + 30, Y: at.Y}, l.name)
		}
		p.Draw(draw.Crop(c, 2, -8, 0, -15*vg.Length(len(names))-10))
	}
}
