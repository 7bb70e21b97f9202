package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// The markers in the README that the table goes between.
const (
	opening = "<!-- report -->"
	closing = "<!-- /report -->"
)

// table writes the results as a table in Markdown, of eight rows at most.
func table(r *measure.Results) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| | redisentra | goal | beside |\n|---|---|---|---|\n")
	for _, g := range goalsOf(r) {
		if g.Verdict != "unmeasured" {
			fmt.Fprintf(&b, "| %s | **%s** %s | %s | %s |\n", cell(g.Promise), cell(g.Figure), g.Mark(), cell(g.Limit), cell(g.Beside))
		}
	}
	fmt.Fprintf(&b, "\n≈ is undecided: the goal lies within what noise may have done. Measured on %s: %s.\n", r.Begun.UTC().Format("2 January 2006"), cell(setting(r.Machine)))
	return b.String()
}

// cell keeps s within its cell.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", ">", "&gt;").Replace(s)
}

// setting says where the results are from, without names.
func setting(m measure.Machine) string {
	parts := []string{fmt.Sprintf("%d cores", m.Cores)}
	for _, s := range []string{m.OS, m.Go} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if m.Redis != "" {
		parts = append(parts, "redis-server "+m.Redis)
	}
	for _, p := range slices.Sorted(maps.Keys(m.Modules)) {
		parts = append(parts, moduleName(p)+" "+m.Modules[p])
	}
	if m.Commit != "" {
		parts = append(parts, "redisentra "+m.Commit)
	}
	return strings.Join(parts, ", ")
}

// moduleName returns what a module is called.
func moduleName(p string) string {
	if base := path.Base(p); len(base) != 2 || base[0] != 'v' {
		return base
	}
	return path.Base(path.Dir(p))
}

// insert puts text between the markers of readme.
func insert(readme []byte, text string) ([]byte, error) {
	before, rest, ok := bytes.Cut(readme, []byte(opening))
	_, after, ok2 := bytes.Cut(rest, []byte(closing))
	if !ok || !ok2 {
		return nil, errors.New("it lacks the lines " + opening + " and " + closing + ", between which the table belongs")
	}
	return slices.Concat(before, []byte(opening+"\n"+text+closing), after), nil
}
