package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// load uses clients as a service would: single commands and pipelines, reads and
// writes, from several goroutines at once.
type load struct {
	commands, failed atomic.Int64

	stopped atomic.Bool
	wg      sync.WaitGroup

	mu    sync.Mutex
	texts map[string]int // how often each error was seen
}

const (
	goroutines = 8                    // for each client
	rest       = 2 * time.Millisecond // after each round, to leave a laptop some air
)

func startLoad(clients []rueidis.Client) *load {
	l := &load{texts: map[string]int{}}
	for i, client := range clients {
		for j := range goroutines {
			l.wg.Go(func() { l.run(client, fmt.Sprintf("demo:%d:%d", i, j)) })
		}
	}
	return l
}

func (l *load) run(client rueidis.Client, key string) {
	ctx := context.Background()
	for n := 0; !l.stopped.Load(); n++ {
		l.note(client.Do(ctx, client.B().Set().Key(key).Value("value").Build()))
		l.note(client.Do(ctx, client.B().Get().Key(key).Build()))
		pipeline := make(rueidis.Commands, 0, 20)
		for range cap(pipeline) {
			pipeline = append(pipeline, client.B().Incr().Key(key+":n").Build())
		}
		l.note(client.DoMulti(ctx, pipeline...)...)
		time.Sleep(rest)
	}
}

func (l *load) note(results ...rueidis.RedisResult) {
	l.commands.Add(int64(len(results)))
	for _, r := range results {
		if err := r.Error(); err != nil {
			l.failed.Add(1)
			l.mu.Lock()
			l.texts[kind(err)]++
			l.mu.Unlock()
		}
	}
}

// kind is err without the addresses that would make each of them another one.
func kind(err error) string {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// stop ends the load once the commands under way are done.
func (l *load) stop() {
	l.stopped.Store(true)
	l.wg.Wait()
}

// failures returns what failed, a line for each kind of error, at most five.
func (l *load) failures() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(l.texts)) {
		lines = append(lines, fmt.Sprintf("%d commands with %q", l.texts[text], text))
	}
	return lines[:min(len(lines), 5)]
}
