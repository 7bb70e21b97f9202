package main

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

// invented returns results that nobody has measured, of every kind, to draw.
func invented() *measure.Results {
	r := &measure.Results{
		Begun: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: 17 * time.Minute,
		Machine: measure.Machine{
			Cores: 2, CPU: "An <invented> CPU", OS: "linux/amd64", Go: "go1.26", Redis: "7.0.15", Commit: "abcdef0+",
			Modules: map[string]string{"github.com/redis/rueidis": "v1.0.79", "github.com/redis/go-redis/v9": "v9.23.0"},
		},
	}
	dice := rand.New(rand.NewPCG(1, 2))
	around := func(v, by float64) float64 { return v * (1 + by*(dice.Float64()+dice.Float64()-1)) }
	ratios := map[string]float64{"rueidis-static": 1, "rueidis-instream": 0.995, "rueidis-none": 1, "rueidis-native": 1, "go-redis-static": 0.45, "redigo-static": 0.6, "pool": 0.66}
	for _, tls := range []bool{false, true} {
		for _, goroutines := range []int{1, 64} {
			for _, contender := range slices.Sorted(maps.Keys(ratios)) {
				ratio := ratios[contender]
				s := measure.Steady{Contender: contender, TLS: tls, Goroutines: goroutines, ValueBytes: 1024, Block: 4, Latency: measure.Percentiles{P50: 20e3, P99: 90e3, N: 5000}, AllocsPerOp: 1}
				for range 20 {
					s.PerSecond, s.Ratios = append(s.PerSecond, around(50_000*ratio, 0.1)), append(s.Ratios, around(ratio, 0.04))
				}
				r.Steady = append(r.Steady, s)
			}
		}
	}
	for _, v := range []struct {
		name         string
		failed, lost int
		worst        float64
	}{{"rueidis-none", 1240, 31, 60}, {"redigo-gettoken", 96, 12, 30}, {"rueidis-native", 210, 0, 18}, {"rueidis-instream", 0, 0, 1}, {"go-redis-streaming", 344, 18, 25}, {"pool", 0, 0, 1.1}} {
		r.Rotation = append(r.Rotation, inventedRotation(around, v.name, v.failed, v.lost, v.worst))
		for _, n := range []int{1, 16, 128, 1000} {
			r.Refresh = append(r.Refresh, measure.Refresh{Contender: v.name, Connections: n, Reached: n, Life: 4 * time.Second, LastUse: time.Duration(around(0.4e9+float64(n)*2e5*v.worst/20, 0.1))})
		}
	}
	for _, n := range []int{1, 100, 1_000, 10_000} {
		for contender, bytes := range map[string]float64{"reauth": 1024, "pool": 17e3, "redigo-static": 8.6e3, "go-redis-static": 68e3, "rueidis-static": 1.4e6} {
			if contender != "rueidis-static" || n <= 100 {
				r.Connections = append(r.Connections, measure.ConnectionCost{Contender: contender, Connections: n, Socket: true, Floor: 242, Bytes: around(bytes, 0.05), Timers: 1})
			}
		}
	}
	r.Fleet, _ = measure.Fleets(context.Background(), measure.FleetConfig{Processes: 200, Each: 20}, func(float64) {})
	for _, n := range []int{1, 3, 6} {
		nodes := measure.Nodes{Nodes: n, Connections: n + 1, Auths: float64(n + 1)}
		for range 20 {
			nodes.Ratios = append(nodes.Ratios, around(0.99, 0.05))
		}
		r.Nodes = append(r.Nodes, nodes)
	}
	return r
}

func inventedRotation(around func(v, by float64) float64, name string, failed, lost int, worst float64) measure.Rotation {
	const life, lives = 2 * time.Second, 10
	r := measure.Rotation{
		Contender: name, Life: life, Opened: lost, ClosedOnExpiry: lost, MessagesLost: lost / 3,
	}
	for range 8 {
		r.InsideOutside = append(r.InsideOutside, around(1.02*max(1, worst/2), 0.05))
	}
	for i := range lives {
		r.Expiries = append(r.Expiries, time.Duration(i+1)*life)
	}
	for i, kind := range []string{"multiplexed", "dedicated", "blocking", "pub/sub"} {
		r.Kinds = append(r.Kinds, measure.Kind{Name: kind, Commands: 40_000 >> i, Failed: failed / (i + 1) * 12 / 25})
	}
	for at := time.Duration(0); at < (lives+1)*life; at += 50 * time.Millisecond {
		m := measure.Moment{At: at, P50: time.Duration(around(180e3, 0.2)), Max: time.Duration(around(900e3, 0.5))}
		if at%life < 100*time.Millisecond && at > 0 {
			m.Max = time.Duration(float64(m.Max) * worst)
			if failed > 0 {
				m.Failed = failed / lives
			}
		}
		r.Timeline = append(r.Timeline, m)
	}
	return r
}
