package testutil_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/testutil"
)

// cluster is a RedisCluster and a principal that a client without redisentra logs in as.
type cluster struct {
	*testutil.RedisCluster
	t     *testing.T
	entra fakeEntra
	user  *testutil.Principal
}

func newCluster(t *testing.T, opts *testutil.RedisClusterOptions) *cluster {
	t.Helper()
	e := borrowEntra(t)
	return &cluster{testutil.NewRedisCluster(t, e.Entra, opts), t, e, e.NewPrincipal()}
}

func (c *cluster) option(serverName string) rueidis.ClientOption {
	c.t.Helper()
	cred, err := c.entra.ClientSecret(c.user)
	require.NoError(c.t, err)
	option := c.ClientOption()
	require.Empty(c.t, option.TLSConfig.ServerName)
	option.TLSConfig.ServerName = serverName
	option.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
		token, err := ask(context.Background(), cred)
		return rueidis.AuthCredentials{Username: c.user.ObjectID, Password: token.Token}, err
	}
	return option
}

// keys are enough to have some in each shard.
const keys = 300

func (c *cluster) setAll(client rueidis.Client, value string) {
	c.t.Helper()
	for i := range keys {
		require.NoError(c.t, set(c.t.Context(), client, fmt.Sprint(i), value))
	}
}

// set tries again where a node says CLUSTERDOWN: that happens for an instant in any failover, on a
// node that hears of the old master's end before it hears from the new one.
func set(ctx context.Context, client rueidis.Client, key, value string) error {
	for {
		err := client.Do(ctx, client.B().Set().Key(key).Value(value).Build()).Error()
		if e, is := rueidis.IsRedisErr(err); !is || !e.IsClusterDown() {
			return err
		}
	}
}

func (c *cluster) requireAll(client rueidis.Client, value string) {
	c.t.Helper()
	for i := range keys {
		got, err := client.Do(c.t.Context(), client.B().Get().Key(fmt.Sprint(i)).Build()).ToString()
		require.NoError(c.t, err)
		require.Equal(c.t, value, got)
	}
}

// size returns how many keys a node has.
func (c *cluster) size(n *testutil.RedisServer) int64 {
	c.t.Helper()
	admin := newRueidis(c.t, n.AdminOption())
	size, err := admin.Do(c.t.Context(), admin.B().Dbsize().Build()).AsInt64()
	require.NoError(c.t, err)
	return size
}

func TestAClustersClientReachesAllSlotsThroughTheGateways(t *testing.T) {
	t.Parallel()
	c := newCluster(t, nil)
	require.Len(t, c.Nodes, 6)
	require.Equal(t, testutil.GatewayStats{}, c.Stats(), "the nodes' own connections do not count")
	client := newRueidis(t, c.option("localhost"))
	c.setAll(client, "v")
	c.requireAll(client, "v")
	var size int64
	for i, master := range c.Nodes[:3] {
		n := c.size(master)
		require.Positive(t, n)
		size += n
		require.Positive(t, master.Stats().Auths, "node %d", i)
	}
	require.Equal(t, int64(keys), size)
	stats := c.Stats()
	require.Equal(t, testutil.GatewayStats{Opened: stats.Opened, Open: stats.Open, Auths: stats.Auths}, stats)

	// Nodes are known by address, and the certificate names none.
	nameless, err := rueidis.NewClient(c.option(""))
	if err == nil {
		err = nameless.Do(t.Context(), nameless.B().Set().Key("k").Value("v").Build()).Error() // a GET is retried for ever
		nameless.Close()
	}
	require.ErrorContains(t, err, "doesn't contain any IP SANs")
}

func TestAClusterRefusesTokensOnAllNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &testutil.RedisClusterOptions{Masters: 2, Replicas: -1})
	require.Len(t, c.Nodes, 2)
	client := newRueidis(t, c.option("localhost"))
	c.setAll(client, "v")
	for _, refusal := range [][2]func(){
		{func() { c.SetRefusing(true) }, func() { c.SetRefusing(false) }},
		{func() { c.Revoke(c.user) }, func() { c.Assign(c.user) }},
	} {
		refusal[0]()
		c.requireAll(client, "v") // which is logged in
		for _, n := range c.Nodes {
			conn, err := tls.Dial("tcp", n.Addr(), n.TLSConfig())
			require.NoError(t, err)
			requirePrefix(t, wrongpass, newClient(t, conn).do("AUTH", c.user.ObjectID, newToken(t, c.entra, c.user)))
			require.NoError(t, conn.Close())
		}
		_, err := rueidis.NewClient(c.option("localhost"))
		require.ErrorContains(t, err, "WRONGPASS")
		refusal[1]()
		c.CloseConnections()
		c.requireAll(client, "v")
	}
	require.GreaterOrEqual(t, c.Stats().Refused, 6)
}

func TestAClusterFailsOverOnDemandAndAfterACrash(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &testutil.RedisClusterOptions{Args: []string{"--appendonly", "yes"}})
	client := newRueidis(t, c.option("localhost"))
	c.setAll(client, "first")

	require.NoError(t, c.Failover(t.Context(), 0))
	promoted, err := c.Master(t.Context(), 0)
	require.NoError(t, err)
	require.Same(t, c.Nodes[3], promoted)
	c.requireAll(client, "first")
	c.setAll(client, "second")
	require.Equal(t, c.size(c.Nodes[3]), c.size(c.Nodes[0]))

	require.NoError(t, promoted.Kill())
	require.NoError(t, c.WaitHealthy(t.Context()))
	master, err := c.Master(t.Context(), 0)
	require.NoError(t, err)
	require.Same(t, c.Nodes[0], master)
	c.requireAll(client, "second")
	c.setAll(client, "third")

	require.NoError(t, promoted.Restart())
	require.NoError(t, c.WaitHealthy(t.Context()))
	require.Equal(t, c.size(c.Nodes[0]), c.size(promoted))
	require.NoError(t, c.Failover(t.Context(), 0))
	c.requireAll(client, "third")
	require.Zero(t, c.Stats().Refused)
}

func TestWhatIsNoTLSReachesANodePastItsGateway(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &testutil.RedisClusterOptions{Masters: 1, Replicas: -1})
	node := c.Nodes[0]
	other := connect(t, node.Dial)
	requirePrefix(t, noauth, other.do("PING"))
	require.Equal(t, ok, other.do("AUTH", node.AdminOption().Password))
	require.Equal(t, ok, other.do("SET", "k", strings.Repeat("v", 1<<20)))
	require.Equal(t, testutil.GatewayStats{}, node.Stats())
	silent := connect(t, node.Dial) // which side it is on never turns out
	require.NoError(t, node.Kill())
	other.requireClosed()
	late := connect(t, node.Dial)
	late.send("PING")
	late.requireClosed()
	c.Close()
	silent.requireClosed()
}

func TestWaitHealthyGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	c := newCluster(t, &testutil.RedisClusterOptions{Masters: 1, Replicas: -1})
	require.NoError(t, c.WaitHealthy(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := c.Failover(ctx, 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no replica that runs")
	require.NoError(t, c.Nodes[0].Kill())
	require.ErrorContains(t, c.WaitHealthy(ctx), "shard 0 has no master")
}

func TestStartRedisClusterWantsAnEntra(t *testing.T) {
	t.Parallel()
	_, err := testutil.StartRedisCluster(nil, nil)
	require.ErrorContains(t, err, "needs an Entra")
}

func TestCloseLeavesNothingOfACluster(t *testing.T) {
	c := newCluster(t, &testutil.RedisClusterOptions{Masters: 1, Replicas: 1})
	var sockets []string
	for _, n := range c.Nodes {
		sockets = append(sockets, n.AdminOption().InitAddress[0])
	}
	newRueidis(t, c.option("localhost"))
	c.Close()
	c.Close()
	for i, socket := range sockets {
		requireGone(t, socket)
		require.NoDirExists(t, strings.TrimSuffix(socket, "/s"))
		_, err := net.Dial("tcp", c.Nodes[i].Addr())
		require.Error(t, err)
	}
	requireNoGoroutineIn(t, "testutil.(*splitListener).")
	requireNoGoroutineIn(t, "testutil.(*gatewayConn).")
}

func TestAClusterThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	newRedisServer(t, borrowEntra(t)) // or skip
	_, err := testutil.StartRedisCluster(borrowEntra(t).Entra, &testutil.RedisClusterOptions{Masters: 1, Args: []string{"--nonsense", "1"}})
	require.ErrorContains(t, err, "Bad directive")
}
