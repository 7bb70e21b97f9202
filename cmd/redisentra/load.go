package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// load uses clients as a service would, on every kind of connection at once: shared ones with
// single commands and pipelines, dedicated ones with transactions, blocking ones with a
// queue, and subscribed ones with messages.
type load struct {
	commands, failed atomic.Int64

	stopped atomic.Bool
	ctx     context.Context // ends with stopped
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu   sync.Mutex
	seen map[string]*failures // by what failed
}

// failures are those of one kind of load.
type failures struct {
	n     int
	first error
}

const (
	goroutines = 6                    // with shared connections, for each client
	dedicated  = 3                    // connections for each client of which one goroutine each has the sole use
	rest       = 2 * time.Millisecond // after each round, to leave a laptop some air
	late       = 5 * time.Second      // when an item or a message counts as lost
)

func startLoad(clients []rueidis.Client) *load {
	l := &load{seen: map[string]*failures{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for i, client := range clients {
		for j := range goroutines {
			l.goOn(func() { l.share(client, fmt.Sprintf("demo:%d:%d", i, j)) })
		}
		l.goOn(func() { l.transact(client, fmt.Sprintf("demo:%d:transaction", i)) })
		l.goOn(func() { l.queue(client, fmt.Sprintf("demo:%d:queue", i)) })
		l.goOn(func() { l.subscribe(client, fmt.Sprintf("demo:%d:channel", i)) })
	}
	return l
}

// goOn runs round again and again.
func (l *load) goOn(round func()) {
	l.wg.Go(func() {
		for !l.stopped.Load() {
			round()
			time.Sleep(rest)
		}
	})
}

// share uses connections that all goroutines share.
func (l *load) share(client rueidis.Client, key string) {
	ctx := context.Background()
	l.note("SET", client.Do(ctx, client.B().Set().Key(key).Value("value").Build()))
	// Pinned, since what rueidis v1.0.79 tries again by itself is used for others while a lost connection may still be writing it.
	l.note("GET", client.Do(ctx, client.B().Get().Key(key).Build().Pin()))
	pipeline := make(rueidis.Commands, 0, 20)
	for range cap(pipeline) {
		pipeline = append(pipeline, client.B().Incr().Key(key+":n").Build())
	}
	l.note("INCR", client.DoMulti(ctx, pipeline...)...)
}

// transact keeps one connection for itself, as long as that lasts.
func (l *load) transact(client rueidis.Client, key string) {
	_ = client.Dedicated(func(c rueidis.DedicatedClient) error {
		for ok := true; ok && !l.stopped.Load(); time.Sleep(rest) {
			ok = l.note("a transaction", c.DoMulti(context.Background(),
				c.B().Watch().Key(key).Build(), c.B().Multi().Build(), c.B().Incr().Key(key).Build(), c.B().Exec().Build())...)
		}
		return nil
	})
}

// queue takes what it has put, by a command that blocks until there is something.
func (l *load) queue(client rueidis.Client, key string) {
	ctx := context.Background()
	l.wg.Go(func() {
		<-time.After(rest) // so that it does block
		l.note("RPUSH", client.Do(ctx, client.B().Rpush().Key(key).Element("item").Build()))
	})
	l.note("BLPOP", client.Do(ctx, client.B().Blpop().Key(key).Timeout(late.Seconds()).Build()))
}

// subscribe sends messages to a connection that is subscribed, as long as that lasts.
func (l *load) subscribe(client rueidis.Client, channel string) {
	c, release := client.Dedicate()
	defer release()
	subscribed, got, ended := make(chan struct{}), make(chan string, 1), make(chan error, 1)
	once := sync.OnceFunc(func() { close(subscribed) })
	ctx, cancel := context.WithCancel(rueidis.WithOnSubscriptionHook(context.Background(), func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			once()
		}
	}))
	defer cancel()
	go func() {
		ended <- c.Receive(ctx, c.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) {
			select {
			case got <- m.Message:
			case <-ctx.Done():
			}
		})
	}()
	for n := 0; ; n++ {
		select {
		case <-l.ctx.Done():
			cancel()
			<-ended
			return
		case err := <-ended:
			l.fail("a subscription", err)
			return
		case m := <-got:
			if m != strconv.Itoa(n-1) {
				l.fail("a message", errors.New("out of order"))
			}
			time.Sleep(rest)
		case <-subscribed:
			subscribed = nil
		case <-time.After(late):
			l.fail("a message", errors.New("lost"))
		}
		if subscribed == nil {
			l.note("PUBLISH", client.Do(context.Background(), client.B().Publish().Channel(channel).Message(strconv.Itoa(n)).Build()))
		}
	}
}

// note counts results of what, and reports whether all are good.
func (l *load) note(what string, results ...rueidis.RedisResult) bool {
	l.commands.Add(int64(len(results)))
	ok := true
	for _, r := range results {
		if err := r.Error(); err != nil {
			l.fail(what, err)
			ok = false
		}
	}
	return ok
}

func (l *load) fail(what string, err error) {
	l.failed.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[what] == nil {
		l.seen[what] = &failures{first: err}
	}
	l.seen[what].n++
}

// stop ends the load once the commands under way are done.
func (l *load) stop() {
	l.stopped.Store(true)
	l.cancel()
	l.wg.Wait()
}

// failures returns what failed, a line for each kind of load.
func (l *load) failures() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(l.seen)) {
		lines = append(lines, fmt.Sprintf("%d times %s, first with %q", l.seen[what].n, what, l.seen[what].first))
	}
	return lines
}
