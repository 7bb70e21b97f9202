package measure

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
)

// inbox is a subscriber, which subscribes again when its subscription ends, and what came.
type inbox struct {
	subscribed chan struct{} // holds one token, once it is
	published  []int         // messages whose PUBLISH was good; the publisher's
	cancel     context.CancelFunc
	wg         sync.WaitGroup

	ended []end // of subscriptions; to be looked at after end

	mu   sync.Mutex // guards came
	came map[string]bool
}

// end is that of a subscription.
type end struct {
	at  time.Time
	err error
}

// subscribe returns an inbox of c; call its end.
func subscribe(c contenders.Client) *inbox {
	ctx, cancel := context.WithCancel(context.Background())
	b := &inbox{subscribed: make(chan struct{}, 1), came: map[string]bool{}, cancel: cancel}
	ready := func() {
		select {
		case b.subscribed <- struct{}{}:
		default:
		}
	}
	got := func(message string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.came[message] = true
	}
	b.wg.Go(func() {
		for {
			err := c.Subscribe(ctx, channel, ready, got)
			if ctx.Err() != nil {
				return
			}
			b.ended = append(b.ended, end{time.Now(), err})
			time.Sleep(rest)
		}
	})
	return b
}

// end ends the subscription, once all that was published has come or no longer will.
func (b *inbox) end() error {
	for until := time.Now().Add(timeout); b.lost() > 0 && time.Now().Before(until); {
		before := b.count()
		time.Sleep(50 * time.Millisecond)
		if b.count() == before {
			break
		}
	}
	b.cancel()
	if err := within(patience, b.wg.Wait); err != nil {
		return fmt.Errorf("a subscription %w", err)
	}
	return nil
}

func (b *inbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.came)
}

// lost returns how many messages were published and have not come.
func (b *inbox) lost() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.published {
		if !b.came[strconv.Itoa(m)] {
			n++
		}
	}
	return n
}
