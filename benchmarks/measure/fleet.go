package measure

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redisentra/redisentra/auth"
)

// FleetConfig says what [Fleets] simulates. The zero value of each field is its default.
type FleetConfig struct {
	Processes int           // 1,000
	Each      int           // connections of a process; 50
	Life      time.Duration // of a token; an hour
	Bucket    time.Duration // 1 s
}

// Fleets simulates the AUTHs that a fleet puts on one server: four times, spread and not, with processes that started at
// the same moment and at any time.
//
// Each process has a token of its own, which it got when it started, and all its connections open then. Spread, a
// connection sends its AUTH when [auth.Credentials.ReauthAt] says, and the process asks for its next token when a TokenSource
// does, at a random moment of the first fifth of the margin. Unspread, both happen at a fixed distance from expiry, as
// in a library that renews at a fixed part of a token's life and tells all connections: the AUTHs fall into the middle of
// the window that they are otherwise spread over, so that only the spread differs.
//
// What is counted is one life: of processes that started together their first one, which is the worst; of the others one after all
// have renewed their tokens at least once.
func Fleets(ctx context.Context, cfg FleetConfig, progress func(done float64)) ([]Fleet, error) {
	cfg = cfg.withDefaults()
	var fleets []Fleet
	for _, together := range []bool{true, false} {
		for _, spread := range []bool{false, true} {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			fleets = append(fleets, cfg.simulate(spread, together))
			progress(float64(len(fleets)) / 4)
		}
	}
	return fleets, nil
}

func (cfg FleetConfig) withDefaults() FleetConfig {
	if cfg.Processes <= 0 {
		cfg.Processes = 1000
	}
	if cfg.Each <= 0 {
		cfg.Each = 50
	}
	if cfg.Life <= 0 {
		cfg.Life = time.Hour
	}
	if cfg.Bucket <= 0 {
		cfg.Bucket = time.Second
	}
	return cfg
}

// simulate counts the AUTHs of one fleet.
func (cfg FleetConfig) simulate(spread, together bool) Fleet {
	f := Fleet{
		Spread: spread, Together: together, Processes: cfg.Processes, Each: cfg.Each, Life: cfg.Life, Bucket: cfg.Bucket,
		Auths: make([]int, cfg.Life/cfg.Bucket),
	}
	begun := time.Unix(0, 0)
	from := begun
	if f.Window = cfg.Life; together {
		f.Window = process{life: cfg.Life}.part(first - last)
	} else {
		from = begun.Add(2 * cfg.Life)
	}
	for range cfg.Processes {
		p := process{life: cfg.Life, spread: spread, start: begun, each: cfg.Each}
		if !together {
			p.start = begun.Add(rand.N(cfg.Life))
		}
		for at := range p.auths(from.Add(cfg.Life)) {
			if i := int(at.Sub(from) / cfg.Bucket); !at.Before(from) && i < len(f.Auths) {
				f.Auths[i]++
			}
		}
	}
	return f
}

// PeakAndMean returns the AUTHs in the worst bucket, and in one if they were spread evenly over the window.
func (f Fleet) PeakAndMean() (peak, mean float64) {
	sum := 0
	for _, n := range f.Auths {
		sum, peak = sum+n, max(peak, float64(n))
	}
	return peak, float64(sum) * float64(f.Bucket) / float64(max(1, f.Window))
}

// process is one of a fleet.
type process struct {
	life   time.Duration
	spread bool
	start  time.Time
	each   int
}

// The AUTHs of a token come when these parts of the margin are left, from the first to the last, as [auth.Credentials.ReauthAt] has it.
const first, last = 0.8, 0.62

// part returns a part of the margin, which is the one of a TokenSource and of ReauthAt: they differ by what is random in them.
func (p process) part(f float64) time.Duration {
	return time.Duration(f * float64(min(5*time.Minute-time.Second, p.life/2)))
}

// auths yields when the process' connections send an AUTH, after that of their login, until end.
func (p process) auths(end time.Time) func(yield func(time.Time) bool) {
	return func(yield func(time.Time) bool) {
		before := slices.Repeat([]time.Time{p.start}, p.each)
		for issued := p.start; issued.Before(end); {
			token := auth.Credentials{IssuedAt: issued, ExpiresAt: issued.Add(p.life)}
			next := token.ExpiresAt.Add(-p.part(1))
			if p.spread {
				next = next.Add(p.part(0.2 * rand.Float64()))
			}
			for i := range before {
				at := token.ExpiresAt.Add(-p.part((first + last) / 2))
				if p.spread {
					at = token.ReauthAt(before[i])
				}
				if before[i] = at; !yield(at) {
					return
				}
			}
			issued = next
		}
	}
}
