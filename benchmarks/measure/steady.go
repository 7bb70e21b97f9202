package measure

import (
	"context"
	"fmt"
	"time"

	"github.com/redisentra/redisentra/benchmarks/contenders"
)

// SteadyConfig says what [SteadyStates] measures. The zero value of each field is its default.
type SteadyConfig struct {
	Contenders []contenders.Contender // the first is what the others are compared with; contenders.InSteadyState
	TLS        []bool                 // false, true
	Goroutines []int                  // 1, 8, 64, 256
	ValueBytes []int                  // 16, 1 KiB, 64 KiB
	Blocks     int                    // of rounds, each with new clients; 5
	Rounds     int                    // of a block, in which each has one turn; 8
	Turn       time.Duration          // 30 ms
}

// ShortSteady is what a test has the time for.
func ShortSteady() SteadyConfig {
	return SteadyConfig{Goroutines: []int{1, 64}, ValueBytes: []int{16}, Blocks: 2, Rounds: 2, Turn: 20 * time.Millisecond}
}

func (cfg SteadyConfig) withDefaults() SteadyConfig {
	if cfg.Contenders == nil {
		cfg.Contenders = contenders.InSteadyState()
	}
	if cfg.TLS == nil {
		cfg.TLS = []bool{false, true}
	}
	if cfg.Goroutines == nil {
		cfg.Goroutines = []int{1, 8, 64, 256}
	}
	if cfg.ValueBytes == nil {
		cfg.ValueBytes = []int{16, 1 << 10, 64 << 10}
	}
	if cfg.Blocks <= 0 {
		cfg.Blocks = 5
	}
	if cfg.Rounds <= 0 {
		cfg.Rounds = 8
	}
	if cfg.Turn <= 0 {
		cfg.Turn = 30 * time.Millisecond
	}
	return cfg
}

// SteadyStates measures all contenders under each load of cfg: four GETs to a SET, from each goroutine one command after
// the other, while no token is near its end. With TLS they are behind the gateway; without, at the server's own
// socket, where nothing stands in between that would hide what a client costs.
//
// A command that fails ends it: there is no reason for one.
func SteadyStates(ctx context.Context, cfg SteadyConfig, progress func(done float64)) ([]Steady, error) {
	cfg = cfg.withDefaults()
	var all []Steady
	total, done := len(cfg.TLS)*len(cfg.Goroutines)*len(cfg.ValueBytes)*cfg.Blocks*(cfg.Rounds+1), 0
	for _, tls := range cfg.TLS {
		err := onStage(tls, func(s *Stage) error {
			for _, goroutines := range cfg.Goroutines {
				for _, size := range cfg.ValueBytes {
					steady, err := cfg.underLoad(ctx, s, Load{cfg.Contenders, goroutines, size, cfg.Turn}, func() {
						done++
						progress(float64(done) / float64(total))
					})
					if err != nil {
						return fmt.Errorf("%w (TLS %v, %d goroutines, %d bytes)", err, tls, goroutines, size)
					}
					all = append(all, steady...)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// underLoad measures all contenders under one load.
func (cfg SteadyConfig) underLoad(ctx context.Context, s *Stage, l Load, step func()) ([]Steady, error) {
	t, err := s.NewTurns(ctx, l)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	for b := range cfg.Blocks {
		if b > 0 {
			if err := t.Reconnect(ctx); err != nil {
				return nil, err
			}
		}
		step()
		for range cfg.Rounds {
			if err := t.Round(ctx); err != nil {
				return nil, err
			}
			step()
		}
	}
	steady := t.Results()
	for i := range steady {
		steady[i].Block = cfg.Rounds
	}
	return steady, nil
}

// onStage calls f with a stage that ends with it.
func onStage(tls bool, f func(*Stage) error) error {
	s, err := NewStage(tls)
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}
