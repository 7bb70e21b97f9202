package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// newPlot returns an empty plot in the style of all.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Tick.Color = paint("grid"), paint("grid")
		a.Padding, a.Label.Padding, a.Tick.Length = 0, 4, 3
		for _, s := range []*text.Style{&a.Label.TextStyle, &a.Tick.Label} {
			s.Font, s.Color = sans(10), paint("muted")
		}
	}
	p.Legend.TextStyle.Font, p.Legend.TextStyle.Color = sans(11), paint("ink")
	p.Legend.Top, p.Legend.ThumbnailWidth, p.Legend.Padding = true, 22, 2
	return p
}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// written returns the style of words in a chart.
func written(p *plot.Plot, tint string, size vg.Length) text.Style {
	return text.Style{Color: paint(tint), Font: sans(size), Handler: p.TextHandler}
}

// grid draws lines at the ticks of p's axes.
func grid(p *plot.Plot, x, y bool) {
	g := plotter.NewGrid()
	g.Vertical, g.Horizontal = draw.LineStyle{}, draw.LineStyle{}
	style := draw.LineStyle{Color: paint("grid"), Width: 0.75}
	if x {
		g.Vertical = style
	}
	if y {
		g.Horizontal = style
	}
	p.Add(g)
}

// segments are lines that do not belong together but for their style.
type segments struct {
	style draw.LineStyle
	lines []plotter.XYs
}

// Plot implements [plot.Plotter].
func (s segments) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, l := range s.lines {
		points := make([]vg.Point, len(l))
		for i, xy := range l {
			points[i] = vg.Point{X: x(xy.X), Y: y(xy.Y)}
		}
		c.StrokeLines(s.style, points)
	}
}

// Thumbnail implements [plot.Thumbnailer].
func (s segments) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(s.style, c.Min.X, y, c.Max.X, y)
}

// points are marks that do not belong together but for their style.
type points struct {
	style draw.GlyphStyle
	at    plotter.XYs
}

// Plot implements [plot.Plotter].
func (s points) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, xy := range s.at {
		c.DrawGlyphNoClip(s.style, vg.Point{X: x(xy.X), Y: y(xy.Y)})
	}
}

// Thumbnail implements [plot.Thumbnailer].
func (s points) Thumbnail(c *draw.Canvas) { c.DrawGlyphNoClip(s.style, c.Center()) }

// words are a text at a place.
type words struct {
	style text.Style
	at    plotter.XY
	move  vg.Point
	text  string
}

// Plot implements [plot.Plotter].
func (w words) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	c.FillText(w.style, vg.Point{X: x(w.at.X) + w.move.X, Y: y(w.at.Y) + w.move.Y}, w.text)
}

// logarithmic makes an axis one of whole decades that hold all values, with room above, as a part of the whole.
func logarithmic(a *plot.Axis, label func(float64) string, room float64, values ...float64) {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v <= 0 })
	if len(values) == 0 {
		values = []float64{1}
	}
	first, last := math.Floor(math.Log10(slices.Min(values))), math.Ceil(math.Log10(slices.Max(values)))
	last = max(last, first+1)
	var ticks plot.ConstantTicks
	for e := first; e <= last; e++ {
		v := math.Pow(10, e)
		ticks = append(ticks, plot.Tick{Value: v, Label: label(v)})
	}
	a.Scale, a.Tick.Marker = plot.LogScale{}, ticks
	a.Min, a.Max = math.Pow(10, first), math.Pow(10, last+room*(last-first))
}

// linear makes an axis one from min to max with about n ticks.
func linear(a *plot.Axis, from, to float64, n int, label func(float64) string) {
	step := math.Pow(10, math.Floor(math.Log10((to-from)/float64(n))))
	for _, f := range []float64{1, 2, 5, 10} {
		if (to-from)/(step*f) <= float64(n) {
			step *= f
			break
		}
	}
	every(a, from, to, step, label)
}

// every makes an axis one from min to max with a tick at each multiple of step.
func every(a *plot.Axis, from, to, step float64, label func(float64) string) {
	var ticks plot.ConstantTicks
	for i := int(math.Ceil(from/step - 1e-9)); float64(i)*step <= to+step*1e-9; i++ {
		ticks = append(ticks, plot.Tick{Value: float64(i) * step, Label: label(float64(i) * step)})
	}
	a.Tick.Marker, a.Min, a.Max = ticks, from, to
}

// count writes a number with separators.
func count(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	whole, part, has := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if has {
		whole += "." + part
	}
	return whole
}

// size writes a number of bytes.
func size(v float64) string {
	switch {
	case v >= 999.5e3:
		return short(v/1e6) + " MB"
	case v >= 999.5:
		return short(v/1e3) + " kB"
	}
	return short(v) + " B"
}

// span writes a duration.
func span(d time.Duration) string {
	switch s := float64(d); {
	case d >= time.Second:
		return short(s/1e9) + " s"
	case d >= time.Millisecond:
		return short(s/1e6) + " ms"
	default:
		return short(s/1e3) + " µs"
	}
}

// short writes v with three digits, or as many as there are before the point.
func short(v float64) string {
	digits := 2 - int(math.Floor(math.Log10(cmp.Or(math.Abs(v), 1))))
	s := strconv.FormatFloat(v, 'f', max(digits, 0), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// ratio writes how often one goes into another.
func ratio(v float64) string { return fmt.Sprintf("%.3g", v) }
