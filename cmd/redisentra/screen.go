package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// screen shows the progress: drawn in place on a terminal, as a line each second elsewhere.
type screen struct {
	w     io.Writer
	live  bool
	every time.Duration
	drawn bool
}

func newScreen(w io.Writer) *screen {
	f, ok := w.(*os.File)
	if ok && os.Getenv("TERM") != "dumb" {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &screen{w: w, live: true, every: 200 * time.Millisecond}
		}
	}
	return &screen{w: w, every: time.Second}
}

func (s *screen) draw(f demoFlags, p progress, elapsed time.Duration, rate float64) {
	remaining := max(p.remaining, 0).Seconds()
	if !s.live {
		fmt.Fprintf(s.w, "%4.0fs  %7.0f commands/s  failed %d  reconnects %d  rotations %d/%d  next expiry in %.1fs\n",
			elapsed.Seconds(), rate, p.failed, p.reconnects, p.rotations, f.rotations, remaining)
		return
	}
	lines := []string{
		fmt.Sprintf("  time         %.1fs", elapsed.Seconds()),
		fmt.Sprintf("  commands/s   %.0f", rate),
		fmt.Sprintf("  failed       %d", p.failed),
		fmt.Sprintf("  reconnects   %d", p.reconnects),
		fmt.Sprintf("  rotations    %s", bar(float64(p.rotations)/float64(f.rotations), fmt.Sprintf("%d of %d", p.rotations, f.rotations))),
		fmt.Sprintf("  next expiry  %s", bar(remaining/f.lifetime.Seconds(), fmt.Sprintf("in %.1fs", remaining))),
	}
	if s.drawn {
		fmt.Fprintf(s.w, "\x1b[%dA", len(lines))
	}
	s.drawn = true
	for _, l := range lines {
		fmt.Fprintf(s.w, "\r%s\x1b[K\n", l)
	}
}

// end leaves what was drawn, with a line between it and what follows.
func (s *screen) end() { fmt.Fprintln(s.w) }

// bar draws a fraction, followed by label.
func bar(fraction float64, label string) string {
	const width = 30
	n := int(min(max(fraction, 0), 1)*width + 0.5)
	return strings.Repeat("█", n) + strings.Repeat("░", width-n) + " " + label
}
