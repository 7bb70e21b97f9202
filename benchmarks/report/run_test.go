package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

func TestTheTableHasAtMostEightRowsAndADate(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(table(invented())), "\n")
	rows := 0
	for _, l := range lines[2:] {
		if strings.HasPrefix(l, "|") {
			rows++
			require.Equal(t, 5, strings.Count(l, "|"), l)
		}
	}
	require.Positive(t, rows)
	require.LessOrEqual(t, rows, 8)
	require.Contains(t, lines[len(lines)-1], "2 January 2026")
	require.Contains(t, lines[len(lines)-1], "2 cores")
	require.Contains(t, lines[len(lines)-1], "rueidis v1.0.79, redisentra abcdef0+")
}

func TestASavedRunIsRenderedAndNothingElseOfTheReadmeChanges(t *testing.T) {
	dir := t.TempDir()
	saved, readme := filepath.Join(dir, "saved.json"), filepath.Join(dir, "README.md")
	r := invented()
	require.NoError(t, save(r, saved))
	require.NoError(t, os.WriteFile(readme, []byte("before\n"+opening+"\nold\n"+closing+"\nafter\n"), 0o644))
	var told bytes.Buffer
	for range 2 {
		require.NoError(t, run(t.Context(), []string{"-from", saved, "-out", dir, "-readme", readme}, &told))
		require.Equal(t, "before\n"+opening+"\n"+table(r)+closing+"\nafter\n", content(t, readme))
	}
	require.Contains(t, content(t, filepath.Join(dir, "index.html")), "goals met")
	require.NoFileExists(t, filepath.Join(dir, "results.json"))
}

func TestAReadmeWithoutAPlaceForTheTableStaysAsItIs(t *testing.T) {
	for _, text := range []string{"nothing", opening, closing + opening} {
		dir := t.TempDir()
		saved, readme := filepath.Join(dir, "saved.json"), filepath.Join(dir, "README.md")
		require.NoError(t, save(invented(), saved))
		require.NoError(t, os.WriteFile(readme, []byte(text), 0o644))
		var told bytes.Buffer
		require.NoError(t, run(t.Context(), []string{"-from", saved, "-out", dir, "-readme", readme}, &told))
		require.Contains(t, told.String(), opening)
		require.Equal(t, text, content(t, readme))
	}
}

func TestWhatNoRunHasSavedIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "cut": `{"steady":[`, "other": `{"took":"an hour"}`} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		err := run(t.Context(), []string{"-from", file, "-out", dir}, &bytes.Buffer{})
		require.ErrorContains(t, err, file+" is not what a run has saved")
	}
	require.ErrorIs(t, run(t.Context(), []string{"-from", filepath.Join(dir, "none"), "-out", dir}, &bytes.Buffer{}), os.ErrNotExist)
	require.ErrorContains(t, run(t.Context(), []string{"-out", dir, "results.json"}, &bytes.Buffer{}), "use -from", "and do not measure")
	require.NoFileExists(t, filepath.Join(dir, "index.html"))
}

func TestAStepThatFailsDoesNotEndTheOthers(t *testing.T) {
	broken := errors.New("it is broken")
	var told bytes.Buffer
	r, err := measureAll(t.Context(), []step{
		{"first", time.Second, func(context.Context, func(float64), *measure.Results) error { return broken }},
		{"second", 3 * time.Second, func(_ context.Context, progress func(float64), r *measure.Results) error {
			progress(0.5)
			r.Nodes = []measure.Nodes{{Nodes: 1}}
			return nil
		}},
	}, &told)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "first")
	require.Len(t, r.Nodes, 1)
	require.Positive(t, r.Machine.Cores)
	lines := strings.Split(strings.TrimSpace(told.String()), "\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[0], "0 %  1/2 first, about 4s left")
	require.Contains(t, lines[1], "25 %  2/2 second")
	require.Contains(t, lines[2], "100 %  done")
}

func TestTheTimeThatIsLeftFollowsThePace(t *testing.T) {
	all := []step{{weight: time.Minute}, {weight: 3 * time.Minute}}
	for name, c := range map[string]struct {
		step          int
		part          float64
		elapsed, want time.Duration
		done          float64
	}{
		"at first, what is expected": {0, 0, time.Second, 4 * time.Minute, 0},
		"twice as slow":              {1, 0, 2 * time.Minute, 6 * time.Minute, 0.25},
		"half as slow":               {1, 1. / 3, time.Minute, time.Minute, 0.5},
		"all done":                   {2, 0, time.Minute, 0, 1},
	} {
		done, left := remaining(all, c.step, c.part, c.elapsed)
		require.InDelta(t, c.done, done, 1e-9, name)
		require.InDelta(t, c.want.Seconds(), left.Seconds(), 1e-6, name)
	}
	done, _ := remaining(nil, 0, 0, 0)
	require.Equal(t, 1.0, done)
}

func TestNothingIsWrittenOnceNobodyWaits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	require.ErrorIs(t, run(ctx, []string{"-short", "-out", dir}, &bytes.Buffer{}), context.Canceled)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}
