package measure

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/redisentra/redisentra/testutil"
)

// ConnectionsConfig says what [Connections] measures. The zero value of each field is its default.
type ConnectionsConfig struct {
	Counts  []int // of connections; 1, 100, 1,000 and 10,000
	Sockets int   // most that are opened at once; what the file limit of the process leaves; negative: none
	Rounds  int   // 3 to 7: the fewer connections, the more other memory weighs
}

// ShortConnections is what a test has the time for.
func ShortConnections() ConnectionsConfig { return ConnectionsConfig{Counts: []int{1, 20}, Rounds: 3} }

// Connections measures what connections cost that have logged in and do nothing, in rounds in which all contenders take their
// turns, against connections that have logged in without them.
//
// The connections are Unix sockets of a real redis-server, on credentials that live for a day, so that timers are armed
// and none is due. Where there may not be that many sockets they are connections in memory, to which nobody but
// ourselves is attached; these, too, are measured in real time.
//
// Bytes are those of heap and stacks in use after garbage collection. Buffers of the kernel and of the server are not in them. Timers are
// counted in the heap profile: what package time has allocated and is still referenced, which a few that were stopped are until the
// runtime clears them away.
func Connections(ctx context.Context, cfg ConnectionsConfig, progress func(done float64)) ([]ConnectionCost, error) {
	cfg = cfg.withDefaults()
	var redis *testutil.RedisServer
	if most := slices.Max(cfg.Counts); cfg.Sockets > 0 {
		entra, err := testutil.StartEntra(nil)
		if err != nil {
			return nil, err
		}
		defer entra.Close()
		args := []string{"--maxclients", fmt.Sprint(min(most, cfg.Sockets) + 100)}
		if redis, err = testutil.StartRedisServer(entra, &testutil.RedisServerOptions{Plaintext: true, Args: args}); err != nil {
			return nil, err
		}
		defer redis.Close()
	}
	defer profileAll()()

	total, done := 0, 0
	for _, n := range cfg.Counts {
		total += n * cfg.rounds(n)
	}
	var costs []ConnectionCost
	for _, n := range cfg.Counts {
		t := terminus{password: "password"}
		if n <= cfg.Sockets {
			o := redis.AdminOption()
			t = terminus{socket: o.InitAddress[0], password: o.Password}
		}
		of, err := costsOf(ctx, n, cfg.rounds(n), t, func() {
			done += n
			progress(float64(done) / float64(total))
		})
		if err != nil {
			return nil, err
		}
		costs = append(costs, of...)
	}
	return costs, nil
}

func (cfg ConnectionsConfig) withDefaults() ConnectionsConfig {
	if len(cfg.Counts) == 0 {
		cfg.Counts = []int{1, 100, 1_000, 10_000}
	}
	if cfg.Sockets == 0 {
		cfg.Sockets = fileLimit() - 200
	}
	return cfg
}

// rounds returns how often n connections are measured.
func (cfg ConnectionsConfig) rounds(n int) int { return cmp.Or(cfg.Rounds, min(max(1000/n, 3), 7)) }

// costsOf measures n connections of each contender so many times.
func costsOf(ctx context.Context, n, times int, t terminus, round func()) ([]ConnectionCost, error) {
	var all []holder
	for _, h := range holders {
		if (h.inMemory || t.socket != "") && (h.most == 0 || n <= h.most) {
			all = append(all, h)
		}
	}
	rounds := make([][]ConnectionCost, len(all))
	for r := range 1 + times {
		if r == 1 {
			clear(rounds) // the first one has warmed up
		}
		floor, err := inUseBy(ctx, hold, t, n)
		if err != nil {
			return nil, err
		}
		for i := range all {
			i = (i + r) % len(all)
			used, err := inUseBy(ctx, all[i].open, t, n)
			if err != nil {
				return nil, fmt.Errorf("measure: %d connections of %s: %w", n, all[i].name, err)
			}
			each := used.minus(floor).each(n)
			rounds[i] = append(rounds[i], ConnectionCost{Floor: floor.each(n).bytes, Bytes: each.bytes, Goroutines: each.goroutines, Timers: each.timers})
		}
		if r > 0 {
			round()
		}
	}
	costs := make([]ConnectionCost, len(all))
	for i, h := range all {
		median := func(of func(ConnectionCost) float64) float64 {
			var values []float64
			for _, c := range rounds[i] {
				values = append(values, of(c))
			}
			return Median(values)
		}
		costs[i] = ConnectionCost{
			Contender: h.name, Connections: n, Socket: t.socket != "",
			Floor:      median(func(c ConnectionCost) float64 { return c.Floor }),
			Bytes:      median(func(c ConnectionCost) float64 { return c.Bytes }),
			Goroutines: median(func(c ConnectionCost) float64 { return c.Goroutines }),
			Timers:     median(func(c ConnectionCost) float64 { return c.Timers }),
		}
	}
	return costs, nil
}
