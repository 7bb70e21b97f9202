package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

func rendered(t *testing.T, r *measure.Results) (html, svg string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, render(r, dir))
	html = content(t, filepath.Join(dir, "index.html"))
	if len(r.Rotation) > 0 {
		return html, content(t, filepath.Join(dir, "chart.svg"))
	}
	require.NoFileExists(t, filepath.Join(dir, "chart.svg"))
	return html, ""
}

func content(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}

// requireWellFormed reads all of a document.
func requireWellFormed(t *testing.T, text string, html bool) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	if html {
		d.Entity = xml.HTMLEntity
	}
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestThePageIsWellFormedAndLoadsNothing(t *testing.T) {
	html, svg := rendered(t, invented())
	requireWellFormed(t, strings.Replace(html, "<!doctype html>", "", 1), true)
	requireWellFormed(t, svg, false)
	loads := regexp.MustCompile(`(?i)(src|href|action|data|poster)\s*=|url\(|@import|<script|<link|<iframe|https?://`)
	require.Empty(t, loads.FindAllString(html, -1))
	require.Equal(t, []string{"http://"}, loads.FindAllString(svg, -1))
	require.Contains(t, svg, `xmlns="http://www.w3.org/2000/svg"`, "which is the one, and is no address")
}

func TestEachChartIsThereWithItsAxes(t *testing.T) {
	html, svg := rendered(t, invented())
	figures := strings.Split(html, "<figure")[1:]
	require.Len(t, figures, 9)
	for title, axes := range map[string][]string{
		"Latency over time":                          {"latency", "seconds since the load began", "100 ms"},
		"Commands that failed":                       {"commands that failed"},
		"Until the last connection uses a new token": {"part of the token&#39;s life", "connections", "10 %"},
		"Throughput over TLS":                        {"throughput, as a multiple of rueidis with a static password"},
		"Throughput over plaintext":                  {"throughput, as a multiple of rueidis with a static password"},
		"AUTHs of a fleet, started at once":          {"AUTHs in a second", "time left until the tokens expire (min:s)"},
		"AUTHs of a fleet, started at any time":      {"AUTHs in a second", "(min:s)"},
		"Memory of an idle connection":               {"memory of each", "connections", "1 kB", "10,000"},
		"Throughput in a cluster":                    {"throughput, as a multiple of rueidis with a static password", "6 nodes"},
	} {
		found := false
		for _, f := range figures {
			if strings.Contains(f, "<h2>"+title+"</h2>") {
				found = true
				for _, a := range axes {
					require.Contains(t, f, a, title)
				}
				require.Contains(t, f, "var(--blue)", title)
			}
		}
		require.True(t, found, title)
	}
	for _, r := range invented().Rotation {
		require.Contains(t, svg, lookOf(r.Contender).name)
	}
}

func TestNoColourIsFixed(t *testing.T) {
	html, svg := rendered(t, invented())
	for _, drawn := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(html, -1) {
		require.NotRegexp(t, `#[0-9A-Fa-f]{6}`, drawn)
	}
	_, drawn, _ := strings.Cut(svg, "</style>")
	require.NotRegexp(t, `#[0-9A-Fa-f]{6}`, drawn)
	require.Contains(t, svg, "prefers-color-scheme:dark")
	require.Contains(t, html, "prefers-color-scheme:dark")
}

func TestWhatIsMeasuredCannotBecomeMarkup(t *testing.T) {
	r := invented()
	r.Rotation[0].Contender = `<b onclick="x">&'`
	r.Rotation[0].Kinds[0].Name = "<i>kind</i>"
	r.Steady[0].Contender = "<u>|\n|"
	r.Machine.CPU, r.Machine.Go = "<s>", "<s>|"
	html, svg := rendered(t, r)
	for _, s := range []string{"<b onclick", "<i>", "<u>", "<s>"} {
		require.NotContains(t, html, s)
		require.NotContains(t, svg, s)
		require.NotContains(t, table(r), s)
	}
	requireWellFormed(t, strings.Replace(html, "<!doctype html>", "", 1), true)
	requireWellFormed(t, svg, false)
}

func TestWithoutResultsNothingIsClaimed(t *testing.T) {
	r := &measure.Results{}
	html, _ := rendered(t, r)
	require.NotContains(t, html, "<figure")
	require.Contains(t, html, "0 goals met")
	require.Equal(t, 8, strings.Count(html, `class="unmeasured"`))
	require.NotContains(t, table(r), "**")

	r.Rotation = []measure.Rotation{{Contender: ours, Kinds: []measure.Kind{{Name: "k"}}, Timeline: []measure.Moment{{}}}}
	r.Fleet = []measure.Fleet{{Spread: true, Together: true, Auths: []int{0}}}
	r.Connections = []measure.ConnectionCost{{Contender: "reauth"}}
	r.Steady = []measure.Steady{{Contender: ours}}
	r.Nodes, r.Refresh = []measure.Nodes{{}}, []measure.Refresh{{}}
	html, svg := rendered(t, r)
	requireWellFormed(t, svg, false)
	require.NotContains(t, html, "NaN")
	require.NotContains(t, html, "Inf")
}
