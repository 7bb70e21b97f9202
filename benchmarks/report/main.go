// Command report measures what the refresh of tokens costs, and writes a page about it: index.html, which loads nothing from
// anywhere, chart.svg and the table of the README. It is run in the directory benchmarks:
//
//	go run ./report                            # measures, which takes its time
//	go run ./report -short                     # measures a little, to try it out; writes to a temporary directory
//	go run ./report -from report/results.json  # writes the page anew, and measures nothing
//
// What is measured stands in results.json, and package measure says how.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.SetOutput(w)
	from := flags.String("from", "", "render this file, measure nothing")
	quick := flags.Bool("short", false, "measure only so long that everything has happened")
	out := flags.String("out", "", "directory to write to (default report; with -short a new one)")
	readme := flags.String("readme", "", "file that gets the table (default ../README.md; with -short or -out none)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if rest := flags.Args(); len(rest) > 0 {
		return fmt.Errorf("report: %q is no flag; to render a file, use -from", rest[0])
	}
	dir, err := directory(*out, *quick)
	if err != nil {
		return err
	}
	if *readme == "" && *out == "" && !*quick {
		*readme = "../README.md"
	}
	var r *measure.Results
	var incomplete error
	if *from != "" {
		r, err = read(*from)
	} else {
		r, incomplete = measureAll(ctx, steps(*quick), w)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err = save(r, filepath.Join(dir, "results.json"))
	}
	if err != nil {
		return err
	}
	if err := render(r, dir); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n", filepath.Join(dir, "index.html"))
	if incomplete != nil {
		return incomplete // and the README keeps its whole table
	}
	return intoReadme(r, *readme, w)
}

// directory returns where to write.
func directory(out string, quick bool) (string, error) {
	switch {
	case out != "":
		return out, os.MkdirAll(out, 0o755)
	case quick:
		return os.MkdirTemp("", "report-")
	}
	if _, err := os.Stat("report"); err != nil {
		return "", errors.New("report: there is no directory report here; run it in benchmarks, or give -out")
	}
	return "report", nil
}

func save(r *measure.Results, file string) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// intoReadme writes the table into file, if there is a place for it.
func intoReadme(r *measure.Results, file string, w io.Writer) error {
	if file == "" {
		return nil
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	text, err := insert(old, table(r))
	if err != nil {
		fmt.Fprintf(w, "%s is as before: %v\n", file, err)
		return nil
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
