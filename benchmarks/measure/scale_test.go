package measure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

func TestAConnectionHasItsCostAndNothingElse(t *testing.T) {
	for name, sockets := range map[string]int{"sockets": 0, "memory": -1} {
		t.Run(name, func(t *testing.T) {
			cfg, last := measure.ShortConnections(), 0.0
			cfg.Sockets = sockets
			costs, err := measure.Connections(t.Context(), cfg, func(done float64) {
				require.Greater(t, done, last)
				last = done
			})
			requireServer(t, err)
			require.InDelta(t, 1, last, 1e-9)
			found := map[string]measure.ConnectionCost{}
			for _, c := range costs {
				t.Logf("%+v", c)
				require.Equal(t, sockets == 0, c.Socket)
				if c.Connections == 20 {
					found[c.Contender] = c
				}
			}
			ours := found["reauth"]
			require.InDelta(t, 1, ours.Timers, 0.5)
			require.InDelta(t, 0, ours.Goroutines, 0.05)
			// What so few connections of ours hold is less than what the runtime itself may free meanwhile. These hold much more.
			require.Greater(t, found["pool"].Bytes, 4<<10+ours.Bytes)
			require.Equal(t, sockets == 0, found["rueidis-static"].Bytes > 1<<20)
			require.Equal(t, sockets == 0, found["go-redis-static"].Connections == 20)
		})
	}
}

func TestConnectionsEndWithTheirContext(t *testing.T) {
	_, err := measure.Connections(cancelled(t), measure.ConnectionsConfig{Counts: []int{1}, Sockets: -1}, func(float64) {})
	require.ErrorIs(t, err, errCancelled)
}
