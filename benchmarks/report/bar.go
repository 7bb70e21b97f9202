package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// bar shows how far the steps are and how long they will still take: drawn in place on a terminal, as a line for each step, and each
// half minute, elsewhere.
type bar struct {
	w     io.Writer
	live  bool
	steps []step
	begun time.Time
	ended chan struct{}
	ticks sync.WaitGroup

	mu    sync.Mutex // guards what follows, and w
	step  int
	done  float64 // of step
	shown int     // the last step that has had its line
}

func newBar(w io.Writer, steps []step) *bar {
	b := &bar{w: w, steps: steps, begun: time.Now(), ended: make(chan struct{}), shown: -1}
	every := 30 * time.Second
	if f, ok := w.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			b.live, every = true, 200*time.Millisecond
		}
	}
	b.ticks.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-b.ended:
				return
			case <-t.C:
				b.mu.Lock()
				b.draw()
				b.mu.Unlock()
			}
		}
	})
	return b
}

// set notes that a part of a step is done. It may be called by any goroutine.
func (b *bar) set(step int, done float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.step, b.done = step, min(max(done, 0), 1)
	if !b.live && b.shown != step {
		b.shown = step
		b.draw()
	}
}

// close ends the drawing.
func (b *bar) close() {
	close(b.ended)
	b.ticks.Wait()
	if b.live {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.draw()
		fmt.Fprintln(b.w)
	}
}

// draw must be called with b.mu held.
func (b *bar) draw() {
	done, left := remaining(b.steps, b.step, b.done, time.Since(b.begun))
	name := "done"
	if b.step < len(b.steps) {
		name = fmt.Sprintf("%d/%d %s, about %s left", b.step+1, len(b.steps), b.steps[b.step].name, left.Round(time.Second))
	}
	if !b.live {
		fmt.Fprintf(b.w, "%3.0f %%  %s\n", 100*done, name)
		return
	}
	const width = 30
	n := int(done*width + 0.5)
	fmt.Fprintf(b.w, "\r%s%s %3.0f %%  %s\x1b[K", strings.Repeat("█", n), strings.Repeat("░", width-n), 100*done, name)
}

// remaining returns which part of all steps is done, and how long the rest will take if they go on as they have.
func remaining(steps []step, step int, part float64, elapsed time.Duration) (done float64, left time.Duration) {
	var before, all time.Duration
	for i, s := range steps {
		all += s.weight
		switch {
		case i < step:
			before += s.weight
		case i == step:
			before += time.Duration(part * float64(s.weight))
		}
	}
	if all <= 0 {
		return 1, 0
	}
	pace := 1.0
	if before > all/50 { // before that it says little
		pace = float64(elapsed) / float64(before)
	}
	return float64(before) / float64(all), time.Duration(pace * float64(all-before))
}
