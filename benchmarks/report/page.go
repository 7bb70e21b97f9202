package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

//go:embed page.html
var pageHTML string

// figure is one chart with what there is to know to read it.
type figure struct {
	Title, Text string
	Wide        bool // as wide as the page; Narrow is for those who have less
	SVG, Narrow template.HTML
}

// page is what the template gets.
type page struct {
	*measure.Results
	CSS     template.CSS
	Halo    template.CSS
	Goals   []goal
	Figures []figure
	Loads   []load
	Setting string
}

// Count counts the goals with a verdict.
func (p page) Count(verdict string) (n int) {
	for _, g := range p.Goals {
		if g.Verdict == verdict {
			n++
		}
	}
	return n
}

const (
	wide   vg.Length = 880
	narrow vg.Length = 370
	half   vg.Length = 420
)

// read reads what a run has saved.
func read(file string) (*measure.Results, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r := new(measure.Results)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("report: %s is not what a run has saved: %w", file, err)
	}
	return r, nil
}

// render writes index.html into dir, and chart.svg if there is anything to draw in it.
func render(r *measure.Results, dir string) error {
	html, err := renderPage(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(html), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if len(r.Rotation) == 0 {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, "chart.svg"), []byte(chart(r)), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

const timelineTitle = "Latency of each variant over time, with the moments when tokens expire and commands fail"

// chart is the timeline as a file of its own.
func chart(r *measure.Results) string {
	h := timelineHeight(len(r.Rotation))
	return standalone(svg(wide, h, timelineTitle, timeline(r.Rotation)), wide, h)
}

func renderPage(r *measure.Results) (string, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"name":    func(contender string) string { return lookOf(contender).name },
		"count":   func(n int) string { return count(float64(n)) },
		"size":    size,
		"short":   short,
		"ratio":   ratio,
		"inOut":   func(r measure.Rotation) float64 { return quantile(r.InsideOutside, 0.5) },
		"day":     func(t time.Time) string { return t.UTC().Format("2 January 2006") },
		"minutes": func(d time.Duration) string { return short(d.Minutes()) + " min" },
	}).Parse(pageHTML)
	if err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	p := page{Results: r, CSS: template.CSS(css(":root")), Halo: halo, Goals: goalsOf(r), Figures: figuresOf(r), Loads: loadsOf(r.Steady), Setting: setting(r.Machine)}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	return b.String(), nil
}

// figuresOf draws all that there are results for.
func figuresOf(r *measure.Results) (figures []figure) {
	add := func(title, text string, h vg.Length, f func(draw.Canvas)) {
		figures = append(figures, figure{Title: title, Text: text, SVG: template.HTML(svg(half, h, title, f))})
	}
	if len(r.Rotation) > 0 {
		h, f := timelineHeight(len(r.Rotation)), timeline(r.Rotation)
		figures = append(figures, figure{
			Title: "Latency over time", Wide: true,
			Text: "The same mixed load on the same server: shared, dedicated and blocking connections and pub/sub. Each panel is one variant, on a logarithmic scale that all share.",
			SVG:  template.HTML(svg(wide, h, timelineTitle, f)), Narrow: template.HTML(svg(narrow, h, timelineTitle, f)),
		})
		add("Commands that failed", "Of all kinds of load, over all expiries.", rowHeight*vg.Length(len(r.Rotation))+40, failures(r.Rotation))
	}
	if len(r.Refresh) > 0 {
		add("Until the last connection uses a new token", "From the moment when Entra ID issued it. Connections that spread their AUTHs take their time on purpose. Variants that did not reach all connections are left out.", 300, refreshes(r.Refresh))
	}
	for _, tls := range []bool{true, false} {
		if rows := throughputs(r.Steady, tls); len(rows) > 0 {
			title := "Throughput over plaintext"
			if tls {
				title = "Throughput over TLS"
			}
			add(title, "By the number of goroutines, over all sizes of values, of turns in the same round: the dot is the median, the bar half of all turns, the line 90 %, up to the edge.", spreadsHeight(rows), spreads(rows))
		}
	}
	for _, together := range []bool{true, false} {
		f, ok := fleetOf(r, true, together)
		if !ok {
			continue
		}
		title, start := "AUTHs of a fleet, started at any time", "which got their tokens at any time"
		if together {
			title, start = "AUTHs of a fleet, started at once", "which started at the same moment, as after an outage; on a logarithmic scale"
		}
		add(title, fmt.Sprintf("Simulated: %s processes with %d connections each, %s.", count(float64(f.Processes)), f.Each, start), 300, fleet(r.Fleet, together))
	}
	if len(r.Connections) > 0 {
		add("Memory of an idle connection", "On top of the bare one: heap and stacks, both scales logarithmic. Where there are other clients, it is all that they have for it.", 330, memory(r.Connections))
	}
	if nodes := nodeSpreads(r.Nodes); len(nodes) > 0 {
		add("Throughput in a cluster", "Over TLS, while tokens rotate; each node has connections of its own to keep.", spreadsHeight(nodes), spreads(nodes))
	}
	return figures
}
