package rueidisentra_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// works are what one client does all at once.
type works struct {
	t        *testing.T
	client   rueidis.Client
	id       string // part of all keys; a hash tag
	enough   chan struct{}
	wg       sync.WaitGroup
	commands atomic.Int64
	told     chan struct{} // of changed keys; nil: nobody is
}

const (
	poolSize = 8                     // of each of a client's two pools
	rest     = 10 * time.Millisecond // of each worker, so that two cores are enough for all
	blockers = 3
)

func newWorks(t *testing.T, client rueidis.Client, id string) *works {
	return &works{t: t, client: client, id: id, enough: make(chan struct{})}
}

// warmUp makes the client open all connections that it ever will.
func (w *works) warmUp() {
	ctx := context.Background()
	for i := range 300 {
		w.ok(w.client.Do(ctx, w.client.B().Set().Key(fmt.Sprint(w.id, "warm", i)).Value("v").Build()))
	}
	for range 200 { // no key, so on a cluster any node, replicas included
		w.ok(w.client.Do(ctx, w.client.B().Publish().Channel(w.id+"warm").Message("v").Build()))
	}
	var streams []rueidis.RedisResultStream
	var returns []func()
	for range poolSize {
		streams = append(streams, w.client.DoStream(ctx, w.client.B().Get().Key(w.id+"warm0").Build()))
		c, cancel := w.client.Dedicate()
		w.ok(c.Do(ctx, c.B().Get().Key(w.id+"warm0").Build()))
		returns = append(returns, cancel)
	}
	for _, s := range streams {
		_, err := s.WriteTo(&strings.Builder{})
		w.noError(err)
	}
	for _, cancel := range returns {
		cancel()
	}
}

func (w *works) start() {
	for i := range 2 {
		w.goOn(func(ctx context.Context, n int) { w.count(ctx, i, n) })
	}
	w.goOn(w.stream)
	w.goOn(w.transact)
	w.goOn(w.useIdle)
	w.wg.Go(w.cache)
	w.wg.Go(w.receiveShared)
	w.wg.Go(w.receiveDedicated)
	if w.told != nil {
		w.goOn(w.track)
	}
	w.wg.Go(w.block)
}

// goOn runs f again and again until there was enough; n counts.
func (w *works) goOn(f func(ctx context.Context, n int)) {
	w.wg.Go(func() {
		for n := 1; w.more(); n++ {
			f(context.Background(), n)
		}
	})
}

// more reports whether to go on, after a little rest.
func (w *works) more() bool { return w.pause(rest) }

func (w *works) pause(d time.Duration) bool {
	select {
	case <-w.enough:
		return false
	case <-time.After(d):
		return true
	}
}

func (w *works) ok(results ...rueidis.RedisResult) {
	w.commands.Add(int64(len(results)))
	for _, r := range results {
		if err := r.Error(); !rueidis.IsRedisNil(err) {
			w.noError(err)
		}
	}
}

func (w *works) noError(err error) {
	if err != nil {
		w.t.Errorf("client %s: %v", w.id, err)
	}
}

// count increments, by single commands and by pipelines, and none may be lost or come twice.
func (w *works) count(ctx context.Context, i, n int) {
	const size = 10
	key := fmt.Sprint(w.id, "count", i)
	got, err := w.client.Do(ctx, w.client.B().Incr().Key(key).Build()).AsInt64()
	w.noError(err)
	if want := int64((n-1)*(size+1) + 1); got != want {
		w.t.Errorf("client %s: a counter is at %d, not %d", w.id, got, want)
	}
	cmds := make(rueidis.Commands, 0, size)
	for range size {
		cmds = append(cmds, w.client.B().Incr().Key(key).Build())
	}
	w.ok(w.client.DoMulti(ctx, cmds...)...)
	w.commands.Add(1)
}

// cache reads through the client-side cache what it writes, which takes an invalidation each time.
func (w *works) cache() {
	ctx, key, hits := context.Background(), w.id+"cached", 0
	for n := 1; w.more(); n++ {
		want := strconv.Itoa(n)
		w.ok(w.client.Do(ctx, w.client.B().Set().Key(key).Value(want).Build()))
		for until := time.Now().Add(10 * time.Second); ; {
			r := w.client.DoCache(ctx, w.client.B().Get().Key(key).Cache(), time.Minute)
			w.ok(r)
			if r.IsCacheHit() {
				hits++
			}
			if got, _ := r.ToString(); got == want {
				break
			} else if time.Now().After(until) {
				w.t.Errorf("client %s: an invalidation was lost, %s is cached instead of %s", w.id, got, want)
				return
			}
			<-time.After(rest / 10)
		}
		for range 3 {
			if r := w.client.DoCache(ctx, w.client.B().Get().Key(key).Cache(), time.Minute); r.IsCacheHit() {
				hits++
			}
		}
	}
	if hits == 0 {
		w.t.Errorf("client %s: nothing was cached", w.id)
	}
}

// receiver is what both kinds of clients can do.
type receiver interface {
	Receive(ctx context.Context, subscribe rueidis.Completed, fn func(rueidis.PubSubMessage)) error
}

func (w *works) receiveShared() {
	channel, b := w.id+"shared", w.client.B()
	w.receive(w.client, b.Subscribe().Channel(channel).Build(), func(m string) rueidis.Completed {
		return b.Publish().Channel(channel).Message(m).Build()
	})
}

func (w *works) receiveDedicated() {
	c, cancel := w.client.Dedicate()
	defer cancel()
	channel, b := w.id+"dedicated", w.client.B()
	w.receive(c, c.B().Ssubscribe().Channel(channel).Build(), func(m string) rueidis.Completed {
		return b.Spublish().Channel(channel).Message(m).Build()
	})
}

// receive requires that each message comes once and in order.
func (w *works) receive(r receiver, subscribe rueidis.Completed, publish func(string) rueidis.Completed) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	subscribed, got := make(chan struct{}, 1), make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		hook := rueidis.WithOnSubscriptionHook(ctx, func(s rueidis.PubSubSubscription) {
			if s.Kind == "subscribe" || s.Kind == "ssubscribe" {
				select {
				case subscribed <- struct{}{}:
				default: // once more, which Receive tells
				}
			}
		})
		done <- r.Receive(hook, subscribe, func(m rueidis.PubSubMessage) { got <- m.Message })
	}()
	select {
	case <-subscribed:
	case err := <-done:
		w.t.Errorf("client %s: cannot subscribe: %v", w.id, err)
		return
	}
	for n := 1; w.more(); n++ {
		sent := strconv.Itoa(n)
		w.ok(w.client.Do(ctx, publish(sent)))
		select {
		case m := <-got:
			if m != sent {
				w.t.Errorf("client %s: message %s came instead of %s", w.id, m, sent)
				return
			}
		case err := <-done:
			w.t.Errorf("client %s: a subscription ended: %v", w.id, err)
			return
		case <-time.After(10 * time.Second):
			w.t.Errorf("client %s: message %s was lost", w.id, sent)
			return
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		w.noError(err)
	}
}

// track writes a key that the client is told of whenever it changes.
func (w *works) track(ctx context.Context, n int) {
	select {
	case <-w.told: // by another connection, of the change before
	default:
	}
	w.ok(w.client.Do(ctx, w.client.B().Set().Key(w.id+"tracked").Value(strconv.Itoa(n)).Build()))
	select {
	case <-w.told:
	case <-time.After(10 * time.Second):
		w.t.Errorf("client %s: nobody told of change %d", w.id, n)
	}
}

// transact increments in a transaction, part of which linger in MULTI while the token becomes due.
func (w *works) transact(ctx context.Context, n int) {
	key := w.id + "transaction"
	w.noError(w.client.Dedicated(func(c rueidis.DedicatedClient) error {
		w.ok(c.Do(ctx, c.B().Watch().Key(key).Build()))
		w.ok(c.Do(ctx, c.B().Get().Key(key).Build()))
		w.ok(c.Do(ctx, c.B().Multi().Build()))
		if n%2 == 0 {
			w.pause(time.Duration(rand.N(200)) * time.Millisecond)
		}
		w.ok(c.Do(ctx, c.B().Incr().Key(key).Build()))
		got, err := c.Do(ctx, c.B().Exec().Build()).AsIntSlice()
		if err == nil && (len(got) != 1 || got[0] != int64(n)) {
			err = fmt.Errorf("transaction %d returned %v", n, got)
		}
		return err
	}))
}

// stream reads values that come in several parts.
func (w *works) stream(ctx context.Context, _ int) {
	key, value := w.id+"streamed", strings.Repeat("0123456789abcdef", 1<<10)
	w.ok(w.client.Do(ctx, w.client.B().Set().Key(key).Value(value).Build()))
	s := w.client.DoMultiStream(ctx, w.client.B().Get().Key(key).Build(), w.client.B().Get().Key(key).Build())
	for s.HasNext() {
		var got strings.Builder
		if _, err := s.WriteTo(&got); err != nil || got.String() != value {
			w.t.Errorf("client %s: a stream had %d bytes: %v", w.id, got.Len(), err)
		}
	}
}

// useIdle uses a connection that was idle for longer than a token lives.
func (w *works) useIdle(ctx context.Context, _ int) {
	w.noError(w.client.Dedicated(func(c rueidis.DedicatedClient) error {
		w.ok(c.Do(ctx, c.B().Get().Key(w.id+"idle").Build()))
		w.pause(1500 * time.Millisecond)
		return c.Do(ctx, c.B().Set().Key(w.id+"idle").Value("v").Build()).Error()
	}))
}

// block pops what it pushes, in tight loops; each item must come once.
func (w *works) block() {
	ctx, key := context.Background(), w.id+"queue"
	var seen sync.Map
	var poppers sync.WaitGroup
	for range blockers {
		poppers.Go(func() {
			for {
				got, err := w.client.Do(ctx, w.client.B().Blpop().Key(key).Timeout(0).Build()).AsStrSlice()
				if err != nil || got[1] == "end" {
					w.noError(err)
					return
				}
				w.commands.Add(1)
				if _, twice := seen.LoadOrStore(got[1], true); twice {
					w.t.Errorf("client %s: item %s came twice", w.id, got[1])
				}
			}
		})
	}
	items := 0
	for ; w.more(); items += blockers {
		batch := make([]string, blockers)
		for i := range batch {
			batch[i] = strconv.Itoa(items + i)
		}
		w.ok(w.client.Do(ctx, w.client.B().Rpush().Key(key).Element(batch...).Build()))
	}
	for range blockers {
		w.ok(w.client.Do(ctx, w.client.B().Rpush().Key(key).Element("end").Build()))
	}
	poppers.Wait()
	for i := range items {
		if _, came := seen.Load(strconv.Itoa(i)); !came {
			w.t.Errorf("client %s: item %d was lost", w.id, i)
		}
	}
}
