package main

import (
	"fmt"

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
