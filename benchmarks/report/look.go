package main

import (
	"image/color"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// tint is one colour of the charts, as it is on a light ground and on a dark one.
type tint struct{ name, light, dark string }

// tints are those of Okabe and Ito, which people who see few colours can tell apart, darker on light grounds where they
// were too pale for lines.
var tints = []tint{
	{"ground", "#FFFFFF", "#0D1117"},
	{"ink", "#1F2328", "#E6EDF3"},
	{"muted", "#59636E", "#9DA7B3"},
	{"grid", "#D8DEE4", "#363D46"},
	{"blue", "#0072B2", "#56B4E9"},
	{"green", "#008F68", "#2BC69A"},
	{"vermilion", "#D55E00", "#FF8A3C"},
	{"orange", "#B07500", "#E69F00"},
	{"purple", "#B0578F", "#E79BC8"},
	{"yellow", "#7D6F00", "#F0E442"},
}

// paint returns a tint's colour for a light ground; css makes it one for either.
func paint(name string) color.Color {
	for _, t := range tints {
		if t.name == name {
			return hex(t.light)
		}
	}
	return color.Gray{}
}

func hex(s string) color.Color {
	digit := func(i int) uint8 { return uint8(strings.IndexByte("0123456789ABCDEF", s[i])) }
	return color.NRGBA{R: digit(1)<<4 | digit(2), G: digit(3)<<4 | digit(4), B: digit(5)<<4 | digit(6), A: 255}
}

// look is how a contender looks in every chart: never by its colour alone.
type look struct {
	name   string
	tint   string
	dashes []vg.Length
	shape  draw.GlyphDrawer
	ours   bool
}

var (
	dashed = []vg.Length{6, 3}
	dotted = []vg.Length{1.5, 2.5}
	mixed  = []vg.Length{8, 3, 1.5, 3}
)

var looks = map[string]look{
	"rueidis-instream":   {"redisentra InStream (rueidis)", "blue", nil, draw.CircleGlyph{}, true},
	"reauth":             {"redisentra InStream (auth/reauth)", "blue", nil, draw.CircleGlyph{}, true},
	"rueidis-native":     {"redisentra Native (rueidis)", "green", dashed, draw.TriangleGlyph{}, true},
	"pool":               {"redisentra pool", "yellow", mixed, draw.SquareGlyph{}, true},
	"rueidis-none":       {"rueidis, no refresh", "vermilion", dotted, cross{}, false},
	"rueidis-static":     {"rueidis, static password", "muted", nil, draw.RingGlyph{}, false},
	"go-redis-static":    {"go-redis, static password", "purple", dotted, draw.BoxGlyph{}, false},
	"go-redis-streaming": {"go-redis, streaming credentials", "purple", dashed, draw.PyramidGlyph{}, false},
	"redigo-static":      {"redigo, static password", "orange", dotted, draw.BoxGlyph{}, false},
	"redigo-gettoken":    {"redigo, GetToken per operation", "orange", dashed, draw.PlusGlyph{}, false},
}

// lookOf returns the look of a contender, be it known or not.
func lookOf(contender string) look {
	if l, ok := looks[contender]; ok {
		return l
	}
	return look{contender, "muted", mixed, draw.PlusGlyph{}, false}
}

func (l look) line(width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: paint(l.tint), Width: width, Dashes: l.dashes}
}

func (l look) glyph(radius vg.Length) draw.GlyphStyle {
	return draw.GlyphStyle{Color: paint(l.tint), Radius: radius, Shape: l.shape}
}
