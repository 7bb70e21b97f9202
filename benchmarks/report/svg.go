package main

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// fonts are all as wide as the first one, by which gonum/plot measures.
const fonts = "'Liberation Sans',Arial,Helvetica,sans-serif"

// svg returns what f draws on w by h as an SVG element for a page that defines the tints. about is for those who do not see it.
func svg(w, h vg.Length, about string, f func(draw.Canvas)) string {
	c := vgsvg.NewWith(vgsvg.UseWH(w, h))
	f(draw.New(c))
	var buf bytes.Buffer
	_, _ = c.WriteTo(&buf) // a Buffer takes everything
	_, drawn, _ := strings.Cut(buf.String(), "<svg ")
	_, drawn, _ = strings.Cut(drawn, ">")
	replace := []string{"font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;", "", "font-family:Liberation Sans;font-variant:normal;", "", ";font-style:normal", ""}
	for _, t := range tints {
		replace = append(replace, t.light, "var(--"+t.name+")")
	}
	drawn = strings.NewReplacer(replace...).Replace(drawn)
	return fmt.Sprintf(`<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s" style="font-family:%s">`, w, h, html.EscapeString(about), fonts) + drawn
}

// css defines the tints on either ground.
func css(selector string) string {
	var light, dark strings.Builder
	for _, t := range tints {
		fmt.Fprintf(&light, "--%s:%s;", t.name, t.light)
		fmt.Fprintf(&dark, "--%s:%s;", t.name, t.dark)
	}
	return fmt.Sprintf("%s{%s}\n@media(prefers-color-scheme:dark){%s{%s}}", selector, light.String(), selector, dark.String())
}

// halo keeps words legible that stand on lines.
const halo = "text{paint-order:stroke;stroke:var(--ground);stroke-width:3px;stroke-linejoin:round}"

// standalone makes a file of an element that svg has returned. It has a ground of its own, as a page need not have that of the system.
func standalone(element string, w, h vg.Length) string {
	_, rest, _ := strings.Cut(element, "<svg ")
	tag, rest, _ := strings.Cut(rest, ">")
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" %s>\n<style>%s\n%s</style><rect width=\"100%%\" height=\"100%%\" rx=\"8\" fill=\"var(--ground)\"/>%s",
		w, h, tag, css("svg"), halo, rest)
}
