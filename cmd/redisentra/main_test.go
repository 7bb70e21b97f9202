package main

import (
	"bytes"
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// verdict is the last line of a demo.
var verdict = regexp.MustCompile(`^demo: (ok|FAILED) commands=(\d+) failed=(\d+) reconnects=(\d+) rotations=(\d+)$`)

// runDemo runs the program and returns its exit code, the parts of its last line and
// all of its output. Where that begins to show progress, progress is called.
func runDemo(t *testing.T, ctx context.Context, progress func(), args ...string) (code int, last []string, out string) {
	t.Helper()
	var stderr bytes.Buffer
	stdout := &watched{phrase: "commands/s", seen: progress}
	code = run(ctx, append([]string{"demo"}, args...), stdout, &stderr)
	require.Empty(t, stderr.String())
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	last = verdict.FindStringSubmatch(lines[len(lines)-1])
	require.NotNil(t, last, "the last line is %q", lines[len(lines)-1])
	require.NotContains(t, stdout.String(), "eyJ", "a token shows")
	require.NotContains(t, stdout.String(), "\x1b", "no terminal, so no control codes")
	return code, last[1:], stdout.String()
}

// watched calls seen once its text holds a phrase.
type watched struct {
	bytes.Buffer
	phrase string
	seen   func()
}

func (w *watched) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.phrase)) {
		w.seen()
	}
	return w.Buffer.Write(p)
}

func noop() {}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

func TestTheDemoOutlivesItsTokens(t *testing.T) {
	code, last, out := runDemo(t, t.Context(), noop, "--lifetime", "2s", "--rotations", "2", "--clients", "3")
	require.Equal(t, exitOK, code, out)
	require.Equal(t, []string{"ok", last[1], "0", "0", "2"}, last, out)
	require.Greater(t, number(t, last[1]), 1000)
	require.Contains(t, out, "rotations 2/2")
}

func TestTheDemoShowsWhatOtherWaysLose(t *testing.T) {
	for _, reauth := range []string{"none", "native"} {
		code, last, out := runDemo(t, t.Context(), noop, "--lifetime=3s", "--rotations=2", "--reauth="+reauth)
		require.Equal(t, exitFailed, code, out)
		require.Equal(t, "FAILED", last[0], out)
		require.Positive(t, number(t, last[2]), "failed commands")
		require.Positive(t, number(t, last[3]), "reconnects")
		require.Contains(t, out, "times a transaction, first with ")
		require.Contains(t, out, "times a subscription, first with ")
		require.Equal(t, reauth == "none", regexp.MustCompile("times (SET|GET|INCR),").MatchString(out), out)
	}
}

func TestInterruptingTheDemoSumsUp(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	code, last, out := runDemo(t, ctx, interrupt, "--lifetime=1h", "--rotations=100")
	require.Equal(t, exitOK, code, out)
	require.Equal(t, []string{"ok", last[1], "0", "0", "0"}, last, out)
	require.Positive(t, number(t, last[1]))
}

func TestWrongArgumentsSayWhatToDo(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"", "Usage"},
		{"dmeo", `unknown command "dmeo"`},
		{"demo --lifetime=0s", "whole seconds"},
		{"demo --lifetime=1500ms", "whole seconds"},
		{"demo --lifetime=-4s", "whole seconds"},
		{"demo --lifetime=soon", "invalid value"},
		{"demo --rotations=0", "1 to 100000"},
		{"demo --rotations=3000000 --lifetime=1h", "1 to 100000"},
		{"demo --clients=0", "1 to 100"},
		{"demo --clients=101", "1 to 100"},
		{"demo --reauth=always", "instream, native or none"},
		{"demo now", `"now"`},
		{"demo --fast", "not defined"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(t.Context(), strings.Fields(c.args), &stdout, &stderr), c.args)
		require.Contains(t, stderr.String(), c.says, c.args)
		require.Empty(t, stdout.String(), c.args)
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	for _, args := range []string{"help", "--help", "demo -h"} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitOK, run(t.Context(), strings.Fields(args), &stdout, &stderr), args)
		require.Contains(t, stdout.String()+stderr.String(), "redisentra", args)
	}
}

func TestTheLiveScreenRedrawsInPlace(t *testing.T) {
	var b bytes.Buffer
	s := &screen{w: &b, live: true}
	f := demoFlags{lifetime: 4 * time.Second, rotations: 5}
	s.draw(f, progress{rotations: 1, remaining: 2 * time.Second}, time.Second, 1000)
	first := b.String()
	require.NotContains(t, first, "\x1b[6A")
	for _, label := range []string{"time", "commands/s", "failed", "reconnects", "rotations", "next expiry"} {
		require.Contains(t, first, label)
	}
	s.draw(f, progress{rotations: 9, remaining: -time.Second}, time.Second, 1000)
	require.Contains(t, b.String()[len(first):], "\x1b[6A")
	require.Contains(t, b.String(), "in 0.0s")
}
