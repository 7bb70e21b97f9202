package testutil

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"sync"

	"github.com/redis/rueidis"
)

// RedisClusterOptions adjust a [RedisCluster]. The zero value of each field is its default.
type RedisClusterOptions struct {
	Masters  int      // 3
	Replicas int      // of each master; 1; negative: none
	Args     []string // more arguments of each redis-server, such as "--appendonly", "yes"
}

// RedisCluster is a cluster of [RedisServer], of Redis 7 or later, and always TLS. Like in
// Azure its nodes are announced by IP address, while the certificate, which is the same
// for all, names only localhost: clients must set ServerName.
type RedisCluster struct {
	// Nodes are the masters at the start, then their replicas. Node i belongs to shard
	// i modulo the number of masters, whose slots no other one ever serves. Kill and
	// Restart them at will, but let only [RedisCluster.Close] close them.
	Nodes []*RedisServer

	shards int
}

// NewRedisCluster starts a [RedisCluster] that ends with the test. Without redis-server
// in PATH it does what [NewRedisServer] does.
func NewRedisCluster(t TB, entra *Entra, opts *RedisClusterOptions) *RedisCluster {
	t.Helper()
	c, err := StartRedisCluster(entra, opts)
	if err != nil {
		giveUp(t, err)
		return nil
	}
	t.Cleanup(c.Close)
	return c
}

// StartRedisCluster starts a [RedisCluster], which takes a few seconds; call its Close. It
// is healthy then, in the sense of [RedisCluster.WaitHealthy]. nil opts means the defaults.
func StartRedisCluster(entra *Entra, opts *RedisClusterOptions) (*RedisCluster, error) {
	if entra == nil {
		return nil, errors.New("testutil: StartRedisCluster needs an Entra, whose tokens it accepts")
	}
	if opts == nil {
		opts = &RedisClusterOptions{}
	}
	masters, replicas := opts.Masters, max(opts.Replicas, 0)
	if masters <= 0 {
		masters = 3
	}
	if opts.Replicas == 0 {
		replicas = 1
	}
	server, client, err := newTLS()
	if err != nil {
		return nil, err
	}
	c := &RedisCluster{shards: masters}
	password := rand.Text() // replicas log in to their masters
	for range masters * (1 + replicas) {
		n, err := newRedisServer(entra, &RedisServerOptions{}, GatewayOptions{TLSConfig: server, node: true}, client)
		if err != nil {
			c.Close()
			return nil, err
		}
		n.process.password = password
		c.Nodes = append(c.Nodes, n)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.start(ctx, opts.Args); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// start starts all nodes and makes a cluster of them.
func (c *RedisCluster) start(ctx context.Context, args []string) error {
	buses := make([]string, len(c.Nodes))
	err := c.each(func(i int, n *RedisServer) (err error) {
		for range 5 { // as others may take the port of the bus first
			buses[i] = freePort()
			n.args = append([]string{
				"--bind", "127.0.0.1", "--masterauth", n.process.password, "--repl-diskless-sync-delay", "0",
				"--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-allow-replica-migration", "no",
				"--cluster-port", buses[i], "--cluster-announce-bus-port", buses[i],
				"--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", n.port(),
			}, args...)
			if err = n.process.start(n.args...); err == nil {
				return nil
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	// All meet all, which is faster than to wait for gossip.
	err = c.each(func(i int, n *RedisServer) error {
		if _, err := n.process.do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
		if i < c.shards {
			const slots = 16384
			first, last := i*slots/c.shards, (i+1)*slots/c.shards-1
			if _, err := n.process.do(ctx, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)); err != nil {
				return err
			}
		}
		for j := range i {
			if _, err := n.process.do(ctx, "CLUSTER", "MEET", "127.0.0.1", c.Nodes[j].port(), buses[j]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.wait(ctx, c.introduced); err != nil {
		return err
	}
	err = c.each(func(i int, n *RedisServer) error {
		if i < c.shards {
			return nil
		}
		id, err := c.Nodes[i%c.shards].process.do(ctx, "CLUSTER", "MYID")
		if err == nil {
			_, err = n.process.do(ctx, "CLUSTER", "REPLICATE", id)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.WaitHealthy(ctx)
}

// Close stops all servers and removes their data.
func (c *RedisCluster) Close() {
	_ = c.each(func(_ int, n *RedisServer) error {
		n.Close()
		return nil
	})
}

// ClientOption returns what a rueidis client needs to reach c, except for credentials
// and TLSConfig.ServerName, which must be localhost.
func (c *RedisCluster) ClientOption() rueidis.ClientOption {
	o := c.Nodes[0].ClientOption()
	for _, n := range c.Nodes[1:c.shards] {
		o.InitAddress = append(o.InitAddress, n.Addr())
	}
	return o
}

// Stats returns the sums of all nodes' counts.
func (c *RedisCluster) Stats() (sum GatewayStats) {
	for _, n := range c.Nodes {
		s := n.Stats()
		sum.Opened += s.Opened
		sum.Open += s.Open
		sum.Auths += s.Auths
		sum.Refused += s.Refused
		sum.Queued += s.Queued
		sum.ClosedOnExpiry += s.ClosedOnExpiry
	}
	return sum
}

// SetRefusing is [Gateway.SetRefusing] on all nodes.
func (c *RedisCluster) SetRefusing(on bool) {
	for _, n := range c.Nodes {
		n.SetRefusing(on)
	}
}

// CloseConnections is [Gateway.CloseConnections] on all nodes. Those among the nodes stay.
func (c *RedisCluster) CloseConnections() {
	for _, n := range c.Nodes {
		n.CloseConnections()
	}
}

// Revoke takes p's assignment to the cache away, like Revoke of a [RedisServer].
func (c *RedisCluster) Revoke(p *Principal) {
	for _, n := range c.Nodes {
		n.Revoke(p)
	}
}

// Assign undoes Revoke.
func (c *RedisCluster) Assign(p *Principal) {
	for _, n := range c.Nodes {
		n.Assign(p)
	}
}

// each calls f for all nodes at once.
func (c *RedisCluster) each(f func(i int, n *RedisServer) error) error {
	errs := make([]error, len(c.Nodes))
	var wg sync.WaitGroup
	for i, n := range c.Nodes {
		wg.Go(func() { errs[i] = f(i, n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// port is what the node is known by.
func (s *RedisServer) port() string {
	_, port, _ := net.SplitHostPort(s.Gateway.Addr())
	return port
}

// freePort returns a port that nobody listens on, and below those that the system gives
// to outgoing connections: it must still be free when a node is restarted.
func freePort() string {
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(12_000))
		if err != nil {
			break
		}
		port := fmt.Sprint(20_000 + n.Int64())
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	return "0" // redis-server says what is wrong with it
}
