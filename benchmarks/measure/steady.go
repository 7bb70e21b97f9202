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
	Rounds     int                    // in which each has one turn; 30
	Turn       time.Duration          // 30 ms
}

// ShortSteady is what a test has the time for.
func ShortSteady() SteadyConfig {
	return SteadyConfig{Goroutines: []int{1, 64}, ValueBytes: []int{16}, Rounds: 3, Turn: 20 * time.Millisecond}
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
	if cfg.Rounds <= 0 {
		cfg.Rounds = 30
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
	total, done := len(cfg.TLS)*len(cfg.Goroutines)*len(cfg.ValueBytes)*(cfg.Rounds+1), 0
	for _, tls := range cfg.TLS {
		err := onStage(tls, func(s *Stage) error {
			for _, goroutines := range cfg.Goroutines {
				for _, size := range cfg.ValueBytes {
					t, err := s.NewTurns(ctx, Load{cfg.Contenders, goroutines, size, cfg.Turn})
					if err != nil {
						return err
					}
					for r := range cfg.Rounds {
						if err = t.Round(ctx); err != nil {
							break
						}
						progress(float64(done+r+2) / float64(total))
					}
					t.Close()
					if err != nil {
						return fmt.Errorf("%w (TLS %v, %d goroutines, %d bytes)", err, tls, goroutines, size)
					}
					done += cfg.Rounds + 1
					all = append(all, t.Results()...)
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

// onStage calls f with a stage that ends with it.
func onStage(tls bool, f func(*Stage) error) error {
	s, err := NewStage(tls)
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}
