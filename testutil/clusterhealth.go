package testutil

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// WaitHealthy waits until the nodes that run agree with each other: that all slots are
// served, which of them is the master of each shard, and that the others of the shard
// replicate it and are in sync. A killed node may be missing, but not be anybody's master.
// Bound it by ctx: a cluster that has lost a whole shard, or most of its masters at once,
// does not heal.
func (c *RedisCluster) WaitHealthy(ctx context.Context) error {
	return c.wait(ctx, func(all []*outlook) error {
		_, err := c.masters(all)
		return err
	})
}

// Master waits until c is healthy and returns the master of a shard.
func (c *RedisCluster) Master(ctx context.Context, shard int) (master *RedisServer, err error) {
	err = c.wait(ctx, func(all []*outlook) error {
		masters, err := c.masters(all)
		if err == nil {
			master = masters[shard]
		}
		return err
	})
	return master, err
}

// Failover makes a replica of the shard its master, without loss, and its master a
// replica. It returns when c is healthy again. To fail over like after a crash, Kill
// the master and call WaitHealthy.
func (c *RedisCluster) Failover(ctx context.Context, shard int) error {
	old, err := c.Master(ctx, shard)
	if err != nil {
		return err
	}
	var retry time.Time
	return c.wait(ctx, func(all []*outlook) error {
		masters, err := c.masters(all)
		if err != nil || masters[shard] != old {
			return err
		}
		if time.Now().Before(retry) {
			return errors.New("no replica has taken over yet")
		}
		for i := shard; i < len(c.Nodes); i += c.shards {
			if n := c.Nodes[i]; n != old && all[i] != nil {
				retry = time.Now().Add(5 * time.Second) // which the server allows for it
				_, err := n.process.do(ctx, "CLUSTER", "FAILOVER")
				return errors.Join(errors.New("no replica has taken over yet"), err)
			}
		}
		return errors.New("the shard has no replica that runs")
	})
}

// outlook is how one node sees the cluster.
type outlook struct {
	ok    bool              // all slots are served
	nodes map[string]member // by port
	link  bool              // a replica is in sync with its master
}

// member is a line of CLUSTER NODES.
type member struct {
	id, flags, master, link, slots string
}

func (m member) is(flag string) bool { return slices.Contains(strings.Split(m.flags, ","), flag) }

// wait waits until enough, given the outlook of each node, has no objections. Nodes
// that do not answer have none.
func (c *RedisCluster) wait(ctx context.Context, enough func([]*outlook) error) error {
	var before error // while there was still time for answers
	for {
		all := make([]*outlook, len(c.Nodes))
		_ = c.each(func(i int, n *RedisServer) error {
			all[i] = n.outlook(ctx)
			return nil
		})
		err := enough(all)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || before == nil {
			before = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("testutil: waiting for the cluster: %w: %w", context.Cause(ctx), before)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *RedisServer) outlook(ctx context.Context) *outlook {
	info, err := s.process.do(ctx, "CLUSTER", "INFO")
	if err != nil {
		return nil
	}
	nodes, err := s.process.do(ctx, "CLUSTER", "NODES")
	if err != nil {
		return nil
	}
	replication, err := s.process.do(ctx, "INFO", "replication")
	if err != nil {
		return nil
	}
	o := &outlook{
		ok: strings.Contains(info, "cluster_state:ok"), link: strings.Contains(replication, "master_link_status:up"),
		nodes: map[string]member{},
	}
	for line := range strings.Lines(nodes) {
		// id ip:port@bus flags master ping pong epoch link slots...
		words := strings.Fields(line)
		if len(words) < 8 {
			continue
		}
		_, address, _ := strings.Cut(words[1], ":")
		port, _, _ := strings.Cut(address, "@")
		o.nodes[port] = member{words[0], words[2], words[3], words[7], strings.Join(words[8:], " ")}
	}
	return o
}

// introduced objects unless all nodes know and reach all others.
func (c *RedisCluster) introduced(all []*outlook) error {
	for i, o := range all {
		if o == nil {
			return fmt.Errorf("node %d does not answer", i)
		}
		for j, n := range c.Nodes {
			if m, known := o.nodes[n.port()]; !known || m.is("handshake") || i != j && m.link != "connected" {
				return fmt.Errorf("node %d does not reach node %d", i, j)
			}
		}
	}
	return nil
}

// masters returns the master of each shard once all nodes agree on them.
func (c *RedisCluster) masters(all []*outlook) ([]*RedisServer, error) {
	masters := make([]*RedisServer, c.shards)
	for i, o := range all {
		if o == nil {
			continue
		}
		if !o.ok {
			return nil, fmt.Errorf("node %d finds slots that nobody serves", i)
		}
		for j, n := range c.Nodes {
			m, shard := o.nodes[n.port()], j%c.shards
			switch {
			case all[j] == nil && (!m.is("master") || m.slots == ""):
			case all[j] == nil:
				return nil, fmt.Errorf("node %d takes node %d, which is gone, for a master", i, j)
			case m.id == "" || m.is("fail") || m.is("fail?") || m.link != "connected":
				return nil, fmt.Errorf("node %d does not reach node %d", i, j)
			case m.is("slave"):
			case m.slots == "":
				return nil, fmt.Errorf("node %d takes node %d for a master without slots", i, j)
			case masters[shard] == nil:
				masters[shard] = n
			case masters[shard] != n:
				return nil, fmt.Errorf("nodes disagree on the master of shard %d", shard)
			}
		}
	}
	for i, o := range all {
		if o == nil {
			continue
		}
		master := masters[i%c.shards]
		if master == nil {
			return nil, fmt.Errorf("shard %d has no master", i%c.shards)
		}
		if me := c.Nodes[i]; me != master && (!o.link || o.nodes[me.port()].master != o.nodes[master.port()].id) {
			return nil, fmt.Errorf("node %d is not in sync with its master", i)
		}
	}
	if slices.Contains(masters, nil) {
		return nil, fmt.Errorf("shard %d has no master", slices.Index(masters, nil))
	}
	return masters, nil
}
