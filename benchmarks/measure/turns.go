package measure

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
)

// Load is what contenders are to bear in a steady state.
type Load struct {
	Contenders []contenders.Contender // the first is what the others are compared with
	Goroutines int
	ValueBytes int
	Turn       time.Duration
}

// Turns let contenders, connected and warm, bear the same load one after the other, again and again, so that what else the
// machine does hits all alike.
type Turns struct {
	load    Load
	stage   *Stage
	value   string
	players []*player
}

// player is one contender and its figures.
type player struct {
	*actor
	goroutines []sampler
	commands   int
	mallocs    uint64
	perSecond  []float64
}

// sampler is what one goroutine notes, with no lock.
type sampler struct {
	latencies []time.Duration
	_         [128 - 24]byte // the next one's is in another cache line
}

// NewTurns connects the contenders and gives each a turn that does not count. Call its Close.
func (s *Stage) NewTurns(ctx context.Context, l Load) (*Turns, error) {
	if err := s.clear(ctx); err != nil {
		return nil, err
	}
	t := &Turns{load: l, stage: s, value: strings.Repeat("v", l.ValueBytes)}
	for _, c := range l.Contenders {
		a, err := t.connect(ctx, c)
		if err != nil {
			t.Close()
			return nil, err
		}
		t.players = append(t.players, &player{actor: a, goroutines: make([]sampler, l.Goroutines)})
	}
	if err := t.warmUp(ctx); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Reconnect gives each contender a new client, and a turn that does not count. How fast a client is depends on the luck
// of its connections, too, and not only on the moment.
func (t *Turns) Reconnect(ctx context.Context) error {
	for _, p := range t.players {
		p.disconnect()
		if err := p.connect(ctx); err != nil {
			return err
		}
	}
	return t.warmUp(ctx)
}

// warmUp gives each contender a turn that does not count.
func (t *Turns) warmUp(ctx context.Context) error {
	for _, p := range t.players {
		if err := p.client.Set(ctx, key, t.value); err != nil {
			return p.failed(err)
		}
		commands, mallocs := p.commands, p.mallocs
		counted := slices.Clone(p.goroutines)
		if _, err := t.turn(ctx, p); err != nil {
			return err
		}
		p.commands, p.mallocs = commands, mallocs
		for i, g := range counted {
			p.goroutines[i].latencies = p.goroutines[i].latencies[:len(g.latencies)]
		}
	}
	return nil
}

const key = "key"

func (t *Turns) connect(ctx context.Context, c contenders.Contender) (*actor, error) {
	a := t.stage.atSocket(c)
	if t.stage.tls {
		var err error
		if a, err = t.stage.behindGateway(ctx, c, lasting); err != nil {
			return nil, err
		}
	}
	return a, a.connect(ctx)
}

// Close closes the contenders' clients.
func (t *Turns) Close() {
	for _, p := range t.players {
		p.close()
	}
}

// Round gives each contender one turn, in an order of chance: none is always the one behind another that leaves much garbage.
func (t *Turns) Round(ctx context.Context) error {
	for _, i := range rand.Perm(len(t.players)) {
		p := t.players[i]
		perSecond, err := t.turn(ctx, p)
		if err != nil {
			return err
		}
		p.perSecond = append(p.perSecond, perSecond)
	}
	return nil
}

// turn lets p bear the load once, and returns its commands per second.
func (t *Turns) turn(ctx context.Context, p *player) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, t.load.Turn+patience)
	defer cancel()
	errs := make([]error, t.load.Goroutines)
	before := 0
	for _, g := range p.goroutines {
		before += len(g.latencies)
	}
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	begun := time.Now()
	err := within(t.load.Turn+2*patience, func() {
		var all sync.WaitGroup
		for i := range t.load.Goroutines {
			all.Go(func() { errs[i] = t.use(ctx, p.client, &p.goroutines[i], begun.Add(t.load.Turn)) })
		}
		all.Wait()
	})
	took := time.Since(begun)
	if err != nil {
		return 0, p.failed(err)
	}
	runtime.ReadMemStats(&m1)
	for _, err := range errs {
		if err != nil {
			return 0, p.failed(err)
		}
	}
	n := -before
	for _, g := range p.goroutines {
		n += len(g.latencies)
	}
	p.commands += n
	p.mallocs += m1.Mallocs - m0.Mallocs
	return float64(n) / took.Seconds(), nil
}

// use is what one goroutine does in a turn.
func (t *Turns) use(ctx context.Context, c contenders.Client, s *sampler, end time.Time) error {
	last := time.Now()
	for n := 1; last.Before(end); n++ {
		if n%5 == 0 {
			if err := c.Set(ctx, key, t.value); err != nil {
				return err
			}
		} else {
			got, err := c.Get(ctx, key)
			if err != nil {
				return err
			}
			if len(got) != len(t.value) {
				return fmt.Errorf("got %d bytes instead of %d", len(got), len(t.value))
			}
		}
		now := time.Now()
		s.latencies = append(s.latencies, now.Sub(last))
		last = now
	}
	return nil
}

// Results returns the figures of the rounds so far, in the order of the contenders.
func (t *Turns) Results() []Steady {
	var all []Steady
	for _, p := range t.players {
		s := Steady{
			Contender: p.contender.Name, TLS: t.stage.tls, Goroutines: t.load.Goroutines, ValueBytes: t.load.ValueBytes,
			PerSecond: p.perSecond, AllocsPerOp: float64(p.mallocs) / float64(max(1, p.commands)),
		}
		for i, of := range t.players[0].perSecond {
			s.Ratios = append(s.Ratios, p.perSecond[i]/of)
		}
		var latencies []time.Duration
		for _, g := range p.goroutines {
			latencies = append(latencies, g.latencies...)
		}
		s.Latency = newPercentiles(latencies)
		all = append(all, s)
	}
	return all
}
