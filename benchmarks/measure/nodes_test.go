package measure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/measure"
)

func TestEachNodeHasItsConnectionsAndTheirAuths(t *testing.T) {
	last := 0.0
	nodes, err := measure.Clusters(t.Context(), measure.ShortNodes(), func(done float64) { last = done })
	requireServer(t, err)
	require.InDelta(t, 1, last, 1e-9)
	require.Len(t, nodes, 2)
	for i, n := range nodes {
		t.Logf("%+v", n)
		require.Equal(t, []int{1, 3}[i], n.Nodes)
		require.Greater(t, n.Connections, 0)
		require.Len(t, n.Ratios, 10)
		require.Greater(t, measure.Median(n.Ratios), 0.1)
		require.InDelta(t, n.Connections, n.Auths, float64(n.Connections)/2)
	}
	require.Greater(t, nodes[1].Connections, nodes[0].Connections)
}
