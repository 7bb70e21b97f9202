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

// timelineHeight is that of the timeline of so many variants.
func timelineHeight(n int) vg.Length { return vg.Length(n)*96 + 60 }

// timeline draws the latency of each variant over time, one below the other on the same axes.
func timeline(rotations []measure.Rotation) func(draw.Canvas) {
	return func(c draw.Canvas) {
		if len(rotations) == 0 {
			return
		}
		var latencies []float64
		var end time.Duration
		for _, r := range rotations {
			for _, m := range r.Timeline {
				latencies = append(latencies, m.P50.Seconds(), m.Max.Seconds())
				end = max(end, m.At)
			}
		}
		plots := make([][]*plot.Plot, len(rotations))
		for i, r := range rotations {
			p, label := newPlot("seconds since the load began", "latency"), short
			if i < len(rotations)-1 {
				p.X.Label.Text, label = "", func(float64) string { return "" }
			}
			linear(&p.X, 0, max(end.Seconds(), 1), 8, label)
			logarithmic(&p.Y, func(v float64) string { return span(time.Duration(v * 1e9)) }, 0.12, latencies...)
			if ticks := p.Y.Tick.Marker.(plot.ConstantTicks); len(ticks) > 4 {
				for j := range ticks {
					if (len(ticks)-1-j)%2 == 1 {
						ticks[j].Label = ""
					}
				}
			}
			grid(p, false, true)
			course(p, r)
			plots[i] = []*plot.Plot{p}
		}
		legend(c, plots[0][0])
		panels := plot.Align(plots, draw.Tiles{Rows: len(plots), Cols: 1, PadTop: 42, PadY: 22, PadLeft: 6, PadRight: 12, PadBottom: 6}, c)
		for i, r := range rotations {
			p, panel := plots[i][0], panels[i][0]
			p.Draw(panel)
			l, data := lookOf(r.Contender), p.DataCanvas(panel)
			title := written(p, l.tint, 11.5)
			title.Font.Weight = 2 // semibold, which there is as bold
			c.FillText(title, vg.Point{X: data.Min.X, Y: panel.Max.Y + 4}, l.name)
			all, failed := commands(r)
			result := written(p, "muted", 10.5)
			if result.XAlign = draw.XRight; failed > 0 {
				result.Color = paint("vermilion")
			}
			outcome := fmt.Sprintf("✕ %s of %s failed", count(float64(failed)), count(float64(all)))
			if failed == 0 {
				outcome = fmt.Sprintf("none of %s failed", count(float64(all)))
			}
			c.FillText(result, vg.Point{X: data.Max.X, Y: panel.Max.Y + 4}, outcome)
		}
	}
}

// course draws one variant's timeline.
func course(p *plot.Plot, r measure.Rotation) {
	l := lookOf(r.Contender)
	var expiries, most, median []plotter.XYs
	for _, e := range r.Expiries {
		expiries = append(expiries, plotter.XYs{{X: e.Seconds(), Y: p.Y.Min}, {X: e.Seconds(), Y: p.Y.Max}})
	}
	var failed plotter.XYs
	broken := true
	for _, m := range r.Timeline {
		at := m.At.Seconds()
		if m.Failed > 0 {
			failed = append(failed, plotter.XY{X: at, Y: p.Y.Max})
		}
		if m.P50 <= 0 || m.Max <= 0 { // nothing ended then
			broken = true
			continue
		}
		if broken {
			most, median = append(most, nil), append(median, nil)
		}
		i := len(most) - 1
		most[i] = append(most[i], plotter.XY{X: at, Y: m.Max.Seconds()})
		median[i] = append(median[i], plotter.XY{X: at, Y: m.P50.Seconds()})
		broken = false
	}
	style := l.line(1.4)
	style.Dashes = nil // each has a panel of its own
	p.Add(
		segments{draw.LineStyle{Color: paint("muted"), Width: 0.8, Dashes: []vg.Length{3, 3}}, expiries},
		segments{draw.LineStyle{Color: paint("muted"), Width: 1}, median},
		segments{style, most},
		points{failureMark, failed},
	)
}

var failureMark = draw.GlyphStyle{Color: paint("vermilion"), Radius: 3.8, Shape: cross{}}

// legend explains the lines of all panels.
func legend(c draw.Canvas, p *plot.Plot) {
	style, x, y := written(p, "muted", 10), c.Min.X+10, c.Max.Y-16
	middle := y + 3.5
	entry := func(name string, sample func()) {
		sample()
		c.FillText(style, vg.Point{X: x + 22, Y: y}, name)
		x += 22 + style.Width(name) + 12
	}
	line := func(s draw.LineStyle) func() {
		return func() { c.StrokeLine2(s, x, middle, x+17, middle) }
	}
	entry("slowest", line(draw.LineStyle{Color: paint("blue"), Width: 1.4}))
	entry("median", line(draw.LineStyle{Color: paint("muted"), Width: 1}))
	entry("token expires", line(draw.LineStyle{Color: paint("muted"), Width: 0.8, Dashes: []vg.Length{3, 3}}))
	entry("failures", func() { c.DrawGlyphNoClip(failureMark, vg.Point{X: x + 14, Y: middle}) })
}

// commands returns how many there were of all kinds, and how many failed.
func commands(r measure.Rotation) (all, failed int) {
	for _, k := range r.Kinds {
		all, failed = all+k.Commands, failed+k.Failed
	}
	return all, failed
}

// rotationOf finds a contender's rotation.
func rotationOf(r *measure.Results, contender string) (measure.Rotation, bool) {
	i := slices.IndexFunc(r.Rotation, func(r measure.Rotation) bool { return r.Contender == contender })
	if i < 0 {
		return measure.Rotation{}, false
	}
	return r.Rotation[i], true
}
