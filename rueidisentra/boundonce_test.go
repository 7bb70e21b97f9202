package rueidisentra_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// borders tells whoever waits for it that a slice is about to be sent.
type borders chan struct{}

func (b borders) tell([]string) {
	select {
	case b <- struct{}{}:
	default:
	}
}

// push calls add with the numbers up to n from four goroutines. Each waits for some borders
// first, so that slices end without a result, and half of the times for a moment of the
// next slice.
func (b borders) push(ctx context.Context, wg *sync.WaitGroup, n int64, add func(i int64)) {
	var next atomic.Int64
	for range 4 {
		wg.Go(func() {
			for i := next.Add(1); i <= n; i = next.Add(1) {
				for range 1 + i%6 {
					select {
					case <-b:
					case <-ctx.Done():
						return
					}
				}
				for range i % 2 * rand.Int64N(1000) {
					runtime.Gosched()
				}
				add(i)
			}
		})
	}
}

// items are the strings item-N anywhere in v.
func items(v any) []string {
	var found []string
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "item-") {
			found = append(found, v)
		}
	case []any:
		for _, e := range v {
			found = append(found, items(e)...)
		}
	case map[string]any:
		for _, e := range v {
			found = append(found, items(e)...)
		}
	}
	return found
}

func TestEachItemComesExactlyOnce(t *testing.T) {
	const n = 150
	client := newServerClient(t, &testutil.RedisServerOptions{})
	const list, zset = "RPUSH k item-%[1]d", "ZADD k %[1]d item-%[1]d"
	for _, c := range []struct{ command, add string }{
		{"BLPOP other k 0", list},
		{"BRPOP k other 0", list},
		{"BLMOVE k to LEFT RIGHT 0", list},
		{"BRPOPLPUSH k to 0", list},
		{"BLMPOP 0 2 other k LEFT COUNT 2", list},
		{"BZPOPMIN other k 0", zset},
		{"BZPOPMAX k 0", zset},
		{"BZMPOP 0 1 k MAX COUNT 2", zset},
		{"XREADGROUP GROUP g c COUNT 2 BLOCK 0 NOACK STREAMS k >", "XADD k * f item-%d"},
	} {
		t.Run(c.command, func(t *testing.T) {
			do(t, client, "FLUSHALL")
			if strings.HasPrefix(c.command, "X") {
				do(t, client, "XGROUP CREATE k g $ MKSTREAM")
			}
			var wg sync.WaitGroup
			defer wg.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			spied := newSpy(client)
			slice := make(borders)
			spied.before = slice.tell
			bound := rueidisentra.BoundBlocking(spied, time.Millisecond)

			got := make(chan string, 2*n)
			for range 3 {
				wg.Go(func() {
					for ctx.Err() == nil {
						v, err := bound.Do(ctx, command(bound, c.command)).ToAny()
						if err != nil && ctx.Err() == nil {
							t.Errorf("%s: %v", c.command, err)
							cancel()
						}
						for _, item := range items(v) {
							got <- item
						}
					}
				})
			}
			slice.push(ctx, &wg, n, func(i int64) {
				if err := client.Do(context.Background(), command(client, fmt.Sprintf(c.add, i))).Error(); err != nil {
					t.Errorf("%s: %v", c.add, err)
					cancel()
				}
			})
			seen := map[string]int{}
			for len(seen) < n {
				select {
				case item := <-got:
					seen[item]++
				case <-ctx.Done():
					t.Fatal("ended early")
				}
			}
			cancel()
			wg.Wait()
			close(got)
			for item := range got {
				seen[item]++
			}
			for item, times := range seen {
				require.Equal(t, 1, times, item)
			}
			require.Greater(t, len(spied.orders()), 3*n, "the slices were too long to test anything")
		})
	}
}

func TestXREADFromTheEndMissesNothingAfterItAndReadsNothingBefore(t *testing.T) {
	const n = 200
	client := newServerClient(t, &testutil.RedisServerOptions{})
	var wg sync.WaitGroup
	defer wg.Wait()
	slice := make(borders)
	var added atomic.Pointer[string] // the id of an entry that is there
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := do(t, client, "XADD k * f item-0").(string)
	added.Store(&first)
	wg.Go(func() {
		defer cancel()
		var adders sync.WaitGroup
		slice.push(ctx, &adders, n, func(i int64) {
			id, err := client.Do(context.Background(), command(client, fmt.Sprintf("XADD k * f item-%d", i))).ToString()
			if err != nil {
				t.Errorf("XADD: %v", err)
				return
			}
			added.Store(&id)
		})
		adders.Wait()
	})

	type read struct {
		before  string // an entry that was there before the command
		end     string // what $ was taken for
		entries []rueidis.XRangeEntry
	}
	var reads []read
	sent := 0
	for ctx.Err() == nil {
		spied := newSpy(client)
		spied.before = slice.tell
		bound := rueidisentra.BoundBlocking(spied, time.Millisecond)
		r := read{before: *added.Load()}
		got, err := bound.Do(ctx, command(bound, "XREAD COUNT 5 BLOCK 0 STREAMS k $")).AsXRead()
		if ctx.Err() != nil {
			break
		}
		require.NoError(t, err)
		orders := spied.orders()
		require.Equal(t, []string{"XREVRANGE", "k", "+", "-", "COUNT", "1"}, orders[0].args)
		sent += len(orders)
		for _, o := range orders[1:] {
			require.Equal(t, orders[1].args, o.args)
		}
		r.end, r.entries = orders[1].args[7], got["k"]
		reads = append(reads, r)
	}

	all, err := client.Do(t.Context(), command(client, "XRANGE k - +")).AsXRange()
	require.NoError(t, err)
	require.Len(t, all, n+1)
	at := func(id string) int {
		i := slices.IndexFunc(all, func(e rueidis.XRangeEntry) bool { return e.ID == id })
		require.GreaterOrEqual(t, i, 0)
		return i
	}
	for _, r := range reads {
		require.GreaterOrEqual(t, at(r.end), at(r.before))
		from := at(r.end) + 1
		require.Equal(t, all[from:from+len(r.entries)], r.entries)
	}
	require.Greater(t, sent, 3*n, "the slices were too long to test anything")
}
