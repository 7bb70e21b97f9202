package measure

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/testutil"
)

// RefreshConfig says what [Refreshes] measures. The zero value of each field is its default.
type RefreshConfig struct {
	Contenders  []contenders.Contender // contenders.InRefresh
	Plaintext   bool
	Connections []int         // 1, 16, 128, 1,000
	Life        time.Duration // of a token, in whole seconds; 4 s, and 10 s where more than 500 connections must be opened in it
	Rotations   int           // 3
}

// ShortRefresh is what a test has the time for.
func ShortRefresh() RefreshConfig {
	return RefreshConfig{Connections: []int{1, 16}, Life: time.Second, Rotations: 1}
}

func (cfg RefreshConfig) withDefaults() RefreshConfig {
	if cfg.Contenders == nil {
		cfg.Contenders = contenders.InRefresh()
	}
	if cfg.Connections == nil {
		cfg.Connections = []int{1, 16, 128, 1000}
	}
	if cfg.Rotations <= 0 {
		cfg.Rotations = 3
	}
	return cfg
}

// Refreshes measures how long it takes from the moment when Entra issues a token until the last connection has sent its AUTH
// with it, behind the gateway. The connections, of a pool or such as a client keeps for blocking commands, are all open
// when it begins; then a few goroutines use the client now and then, so that most are idle. What multiplexes
// has a shared connection besides.
//
// Ours spread their AUTHs over a window on purpose, so their times are parts of a token's life and not a cost: what is
// to be had here is that the last AUTH comes long before expiry, however many connections there are.
func Refreshes(ctx context.Context, cfg RefreshConfig, progress func(done float64)) ([]Refresh, error) {
	cfg = cfg.withDefaults()
	var all []Refresh
	total := float64(len(cfg.Connections) * len(cfg.Contenders))
	err := onStage(!cfg.Plaintext, func(s *Stage) error {
		for _, n := range cfg.Connections {
			cfg := cfg
			switch {
			case cfg.Life > 0:
			case n <= 500:
				cfg.Life = 4 * time.Second
			default:
				cfg.Life = 10 * time.Second
			}
			for _, c := range cfg.Contenders {
				r, err := s.refresh(ctx, c, n, cfg, func(d float64) { progress((float64(len(all)) + d) / total) })
				if err != nil {
					return fmt.Errorf("%w (%d connections)", err, n)
				}
				all = append(all, r)
			}
		}
		return nil
	})
	return all, err
}

// buffers is what a connection gets where there may be thousands.
const buffers = 4 << 10

func (s *Stage) refresh(ctx context.Context, c contenders.Contender, n int, cfg RefreshConfig, progress func(done float64)) (r Refresh, err error) {
	a, err := s.behindGateway(ctx, c, cfg.Life)
	if err != nil {
		return r, err
	}
	var trips trips
	a.target.OnAuth, a.target.PoolSize, a.target.Buffers, a.target.Timeout = trips.add, n, buffers, timeout
	opened := s.server.Stats().Opened
	if err := a.connect(ctx); err != nil {
		return r, err
	}
	defer a.close()
	if err := openSoon(ctx, s, a.client, n); err != nil {
		return r, a.failed(err)
	}
	warm := s.server.Stats()
	var users crew
	for range 4 {
		users.goOn(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			_, _ = a.client.Get(ctx, key)
			time.Sleep(5 * rest)
		})
	}
	begun := len(a.issued())
	tokens, err := a.await(ctx, begun, cfg, progress)
	seen := s.server.Stats()
	if ended := users.end(); err == nil {
		err = ended
	}
	if err != nil {
		return r, a.failed(err)
	}
	var auths []testutil.Auth // of connections that were there when it began
	for _, auth := range s.server.Auths() {
		if auth.Username == a.objectID && auth.Conn > opened && auth.Conn <= warm.Opened {
			auths = append(auths, auth)
		}
	}
	last, spread, reached := lastUses(tokens, auths)
	return Refresh{
		Contender: c.Name, Connections: n, Life: cfg.Life, LastUse: Median(last), Spread: Median(spread), Reached: Median(reached),
		ClosedOnExpiry: seen.ClosedOnExpiry - warm.ClosedOnExpiry, Auth: newPercentiles(trips.all()),
	}, nil
}

// await waits until a has got enough tokens beyond the first that many, and returns those.
func (a *actor) await(ctx context.Context, first int, cfg RefreshConfig, progress func(done float64)) ([]testutil.Issued, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(cfg.Rotations+2)*cfg.Life+patience)
	defer cancel()
	for {
		tokens := a.issued()[first:]
		progress(min(1, float64(len(tokens))/float64(cfg.Rotations+1)))
		if len(tokens) > cfg.Rotations { // the last of which is not used everywhere yet
			return tokens, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// trips are the round trips of AUTHs.
type trips struct {
	mu   sync.Mutex // guards took
	took []time.Duration
}

func (t *trips) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took = append(t.took, d)
}

func (t *trips) all() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.took)
}

// lastUses returns, for each token but the newest, how long after it was issued the last connection sent its AUTH with it, and how
// long that was after the first one did, and how many did.
func lastUses(tokens []testutil.Issued, auths []testutil.Auth) (last, spread []time.Duration, reached []int) {
	for i, token := range tokens[:max(0, len(tokens)-1)] {
		first := map[int]time.Time{} // AUTH of each connection, by its number
		for _, auth := range auths {
			if _, has := first[auth.Conn]; !has && !auth.At.Before(token.At) && auth.At.Before(tokens[i+1].At) {
				first[auth.Conn] = auth.At
			}
		}
		reached = append(reached, len(first))
		if len(first) == 0 {
			continue
		}
		at := slices.SortedFunc(maps.Values(first), time.Time.Compare)
		last = append(last, at[len(at)-1].Sub(token.At))
		spread = append(spread, at[len(at)-1].Sub(at[0]))
	}
	return last, spread, reached
}
