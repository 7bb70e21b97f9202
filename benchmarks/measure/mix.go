package measure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
)

// The kinds of load.
const (
	multiplexed = iota
	dedicated
	blocking
	pubSub
	kinds
)

var kindNames = [kinds]string{"multiplexed", "dedicated", "blocking", "pub/sub"}

// How many goroutines there are of a kind, and what bounds them.
const (
	sharers     = 8
	transactors = 2
	poppers     = 2
	atOnce      = sharers + transactors + 2*poppers + 1 // with those that push and publish
	poolSize    = atOnce + 5                            // a client may need one for a while that nobody uses, such as for an AUTH

	rest    = time.Millisecond // after each command
	timeout = 2 * time.Second  // of each command

	small   = "0123456789abcdef"
	channel = "channel"
)

// mix is the mixed load of one turn.
type mix struct {
	client  contenders.Client
	begun   time.Time
	offset  time.Duration // of begun, in notes
	users   crew
	pushers crew // what poppers wait for, so they end last
	workers []*worker
	inbox   *inbox
}

// worker is one goroutine's notes, which nobody else looks at before it has ended.
type worker struct {
	kind int
	tally
}

// tally is what was done.
type tally struct {
	commands int
	failures []time.Duration // when
	err      error           // the first one
	samples  []sample        // of multiplexed commands that did not fail
}

// sample is one command.
type sample struct{ at, took time.Duration }

func (t *tally) add(other tally) {
	t.err = cmp.Or(t.err, other.err)
	t.commands += other.commands
	t.failures = append(t.failures, other.failures...)
	t.samples = append(t.samples, other.samples...)
}

// warmUp makes the client open all connections that it will need, and some that are idle later on.
func (m *mix) warmUp(ctx context.Context, s *Stage) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := openSoon(ctx, s, m.client, atOnce); err != nil {
		return err
	}
	var all sync.WaitGroup
	for i := range atOnce {
		all.Go(func() {
			for range 20 {
				_ = m.client.Set(ctx, own(i), small)
				_ = m.client.Transact(ctx, "counter")
			}
		})
	}
	all.Wait()
	m.inbox = subscribe(m.client)
	select {
	case <-m.inbox.subscribed:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("cannot subscribe: %w", context.Cause(ctx)), m.inbox.end())
	}
}

// begin starts the load; offset is when in notes.
func (m *mix) begin(offset time.Duration) {
	m.begun, m.offset = time.Now(), offset
	for i := range sharers {
		m.goOn(&m.users, multiplexed, rest, func(ctx context.Context, n int) error {
			if n%5 == 0 {
				return m.client.Set(ctx, own(i), small)
			}
			_, err := m.client.Get(ctx, own(i))
			return err
		})
	}
	for i := range transactors {
		m.goOn(&m.users, dedicated, rest, func(ctx context.Context, _ int) error { return m.client.Transact(ctx, fmt.Sprint("counter", i)) })
	}
	for i := range poppers {
		queue := fmt.Sprint("queue", i)
		m.goOn(&m.pushers, multiplexed, 4*rest, func(ctx context.Context, _ int) error { return m.client.Push(ctx, queue, "item") })
		m.goOn(&m.users, blocking, rest, func(ctx context.Context, _ int) error {
			_, err := m.client.Pop(ctx, queue, time.Second)
			return err
		})
	}
	m.goOn(&m.users, pubSub, 4*rest, func(ctx context.Context, n int) error {
		err := m.client.Publish(ctx, channel, strconv.Itoa(n))
		if err == nil {
			m.inbox.published = append(m.inbox.published, n)
		}
		return err
	})
}

// own is a goroutine's key.
func own(i int) string { return fmt.Sprint("key", i) }

// goOn makes one of c do f again and again, and rest in between; n counts.
func (m *mix) goOn(c *crew, kind int, rest time.Duration, f func(ctx context.Context, n int) error) {
	w := &worker{kind: kind}
	m.workers = append(m.workers, w)
	c.goOn(func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		w.commands++
		begun := time.Now()
		err := f(ctx, w.commands)
		took := time.Since(begun)
		at := m.offset + begun.Sub(m.begun)
		switch {
		case err != nil:
			w.failures = append(w.failures, at+took)
			w.err = cmp.Or(w.err, err)
		case kind == multiplexed:
			w.samples = append(w.samples, sample{at, took})
		}
		time.Sleep(rest)
	})
}

// end ends the load, once the commands under way are done.
func (m *mix) end() error {
	return errors.Join(m.users.end(), m.pushers.end(), m.inbox.end())
}

// did returns what was done of one kind.
func (m *mix) did(kind int) (all tally) {
	for _, w := range m.workers {
		if w.kind == kind {
			all.add(w.tally)
		}
	}
	if kind == pubSub {
		for _, e := range m.inbox.ended {
			if at := e.at.Sub(m.begun); at >= 0 {
				all.add(tally{commands: 1, failures: []time.Duration{m.offset + at}, err: e.err})
			}
		}
	}
	return all
}
