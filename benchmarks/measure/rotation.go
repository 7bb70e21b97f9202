package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
)

// RotationConfig says what [Rotations] measures. The zero value of each field is its default.
type RotationConfig struct {
	Contenders []contenders.Contender // contenders.InRotation
	TLS        []bool                 // true
	Life       time.Duration          // of a token, in whole seconds; 2 s
	Lives      int                    // that a turn lasts; 5
	Rounds     int                    // in which each has one turn; 2
	Moment     time.Duration          // 50 ms
}

// ShortRotation is what a test has the time for.
func ShortRotation() RotationConfig {
	return RotationConfig{Life: time.Second, Lives: 2, Rounds: 1}
}

func (cfg RotationConfig) withDefaults() RotationConfig {
	if cfg.Contenders == nil {
		cfg.Contenders = contenders.InRotation()
	}
	if cfg.TLS == nil {
		cfg.TLS = []bool{true}
	}
	if cfg.Life <= 0 {
		cfg.Life = 2 * time.Second
	}
	if cfg.Lives <= 0 {
		cfg.Lives = 5
	}
	if cfg.Rounds <= 0 {
		cfg.Rounds = 2
	}
	if cfg.Moment <= 0 {
		cfg.Moment = 50 * time.Millisecond
	}
	return cfg
}

// Window is how long a rotation window lasts, from the moment when an AUTH is sent. It is the same for all, however long the
// AUTH takes: a pause of the machine, which makes it take longer, must not count more inside than outside.
const Window = 10 * time.Millisecond

// Rotations measures each contender under a mixed load while tokens expire, behind the gateway: 8 goroutines with
// commands of all kinds of connections' most frequent one, "multiplexed", which for a pool is any connection; 2 with
// transactions, "dedicated"; 2 with BLPOP, "blocking"; and a subscriber, "pub/sub". All rest a moment after each, so that the
// machine has time to spare, and each turn begins with a new client, on a token that is new.
//
// Latencies, and so the windows and the timeline, are those of multiplexed commands that did not fail. Windows begin
// with each AUTH that reaches the gateway, those of new connections included. A message is lost if its PUBLISH was good and it
// never came.
func Rotations(ctx context.Context, cfg RotationConfig, progress func(done float64)) ([]Rotation, error) {
	cfg = cfg.withDefaults()
	var all []Rotation
	total, done := len(cfg.TLS)*cfg.Rounds*len(cfg.Contenders), 0
	for _, tls := range cfg.TLS {
		notes := make([]notes, len(cfg.Contenders))
		err := onStage(tls, func(s *Stage) error {
			for r := range cfg.Rounds {
				for i := range cfg.Contenders {
					i = (i + r) % len(cfg.Contenders)
					err := notes[i].turn(ctx, s, cfg.Contenders[i], cfg, func(d float64) {
						progress((float64(done) + d) / float64(total))
					})
					if err != nil {
						return fmt.Errorf("measure: %s: %w", cfg.Contenders[i].Name, err)
					}
					done++
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for i, n := range notes {
			r := n.rotation(cfg.Moment)
			r.Contender, r.TLS, r.Life = cfg.Contenders[i].Name, tls, cfg.Life
			all = append(all, r)
		}
	}
	return all, nil
}

// notes are what the turns of one contender have brought, on a clock that stands still in between.
type notes struct {
	took    time.Duration // of the turns so far
	inside  []time.Duration
	outside []time.Duration
	result  Rotation // what is simply added up
	did     [kinds]tally
}

// turn lets one contender bear the load once.
func (n *notes) turn(ctx context.Context, s *Stage, c contenders.Contender, cfg RotationConfig, progress func(done float64)) error {
	if err := s.clear(ctx); err != nil {
		return err
	}
	a, err := s.behindGateway(ctx, c, cfg.Life)
	if err != nil {
		return err
	}
	a.target.PoolSize, a.target.Timeout = poolSize, timeout
	if err := a.connect(ctx); err != nil {
		return err
	}
	defer a.close()
	l := &mix{client: a.client}
	if err := l.warmUp(ctx, s); err != nil {
		return err
	}
	warm := s.server.Stats()
	l.begin(n.took)
	if err := pass(ctx, time.Duration(cfg.Lives)*cfg.Life, progress); err != nil {
		_ = l.end()
		return err
	}
	took := time.Since(l.begun)
	seen := s.server.Stats()
	if err := l.end(); err != nil {
		return err
	}
	at := func(t time.Time) time.Duration { return n.took + t.Sub(l.begun) }
	for _, t := range a.issued() {
		if when := t.ExpiresAt.Sub(l.begun); when >= 0 && when <= took {
			n.result.Expiries = append(n.result.Expiries, at(t.ExpiresAt))
		}
	}
	var auths []time.Duration
	for _, auth := range s.server.Auths() {
		if !auth.At.Before(l.begun) && auth.Username == a.objectID {
			auths = append(auths, at(auth.At))
		}
	}
	n.result.Opened += seen.Opened - warm.Opened
	n.result.ClosedOnExpiry += seen.ClosedOnExpiry - warm.ClosedOnExpiry
	n.result.MessagesLost += l.inbox.lost()
	for k := range n.did {
		n.did[k].add(l.did(k))
	}
	inside, outside, ratios := split(auths, l.did(multiplexed).samples)
	n.inside, n.outside = append(n.inside, inside...), append(n.outside, outside...)
	n.result.InsideOutside = append(n.result.InsideOutside, ratios...)
	n.took += took
	return nil
}

// pass waits for d and tells how much of it has passed.
func pass(ctx context.Context, d time.Duration, progress func(done float64)) error {
	begun := time.Now()
	t := time.NewTicker(min(d, 200*time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
		passed := time.Since(begun)
		progress(min(1, float64(passed)/float64(d)))
		if passed >= d {
			return nil
		}
	}
}
