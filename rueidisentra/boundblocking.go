package rueidisentra

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// defaultBound is what BoundBlocking does with a max of 0.
const defaultBound = time.Minute

// BoundBlocking returns a client that never blocks a connection for longer than max. A
// server reads no AUTH from a connection that waits in BLPOP key 0, and closes it when its
// token expires; so here a long wait is taken in slices. A command that may block for
// longer than max is sent as a series of commands that block for at most max, until one
// has a result, the command's own timeout is over, or ctx ends. The caller sees that one
// result, or the [rueidis.Nil] of the last slice. What arrives between two slices stays in
// its list, sorted set or stream for the next one: nothing is lost, and nothing comes twice.
//
// Sliced are BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP, BZPOPMIN, BZPOPMAX, BZMPOP, and XREAD
// and XREADGROUP with BLOCK: in Do and DoMulti of the client, of its dedicated clients and
// of its Nodes. All else passes unchanged, these commands too where MULTI queues them.
//
// A slice delays an AUTH by at most max. With tokens of one hour the AUTH comes four to
// three minutes before the end, so anything up to a minute or two is safe; tokens that
// live for less want less. max counts in whole milliseconds; 0 or less means a minute.
//
// What it costs, and what it does not do:
//   - Between slices the client gives up its place in the server's queue: of several that
//     wait for one key, the one that has waited longest need not be served first.
//   - Helpers that look for rueidis' concrete client, such as [rueidis.MSet] and
//     [rueidis.MGet], send single commands through any wrapper. Keep the original client
//     for them; both can be used side by side.
//   - XREAD from $ asks first where the stream ends, with XREVRANGE: the access policy must
//     allow it. Several streams are asked in one pipeline, though not in one instant.
//   - DoMulti with a sliced command is sent in parts, one after another. Only on a dedicated
//     client do they share a connection. Where one part gets no answer, the rest is not
//     sent and has the same error.
//   - When ctx ends within a slice, rueidis does what it does without slices, and closes the
//     connection.
//   - CLIENT UNBLOCK ends a slice, not the command; with ERROR it ends both.
//   - Never sliced: DoStream and DoMultiStream, whose answers cannot be looked at without
//     being consumed; WAIT and WAITAOF, which block for their own connection's writes;
//     blocking commands of modules; and scripts, however long they run.
func BoundBlocking(client rueidis.Client, max time.Duration) rueidis.Client {
	if max <= 0 {
		max = defaultBound
	}
	if max = max.Truncate(time.Millisecond); max == 0 {
		max = time.Millisecond
	}
	return &boundClient{Client: client, most: bound(max)}
}

// boundClient slices what would block its connection for too long.
type boundClient struct {
	rueidis.Client
	most bound
}

func (c *boundClient) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if b, ok := c.most.exceededBy(cmd); ok {
		return c.most.do(ctx, c.Client, cmd, b)
	}
	return c.Client.Do(ctx, cmd)
}

func (c *boundClient) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	if n, _ := c.most.split(multi, false); n == len(multi) {
		return c.Client.DoMulti(ctx, multi...)
	}
	return c.most.doMulti(ctx, c.Client, new(transaction), multi)
}

func (c *boundClient) Dedicated(fn func(rueidis.DedicatedClient) error) error {
	return c.Client.Dedicated(func(d rueidis.DedicatedClient) error {
		return fn(&boundDedicated{DedicatedClient: d, most: c.most})
	})
}

func (c *boundClient) Dedicate() (rueidis.DedicatedClient, func()) {
	d, cancel := c.Client.Dedicate()
	return &boundDedicated{DedicatedClient: d, most: c.most}, cancel
}

func (c *boundClient) Nodes() map[string]rueidis.Client {
	nodes := make(map[string]rueidis.Client)
	for addr, node := range c.Client.Nodes() {
		nodes[addr] = &boundClient{Client: node, most: c.most}
	}
	return nodes
}

// boundDedicated is boundClient for one connection, which may be in MULTI.
type boundDedicated struct {
	rueidis.DedicatedClient
	most bound
	tx   transaction
}

func (d *boundDedicated) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if !d.tx.open.Load() {
		if b, ok := d.most.exceededBy(cmd); ok {
			return d.most.do(ctx, d.DedicatedClient, cmd, b)
		}
	}
	return d.tx.do(ctx, d.DedicatedClient, cmd)
}

func (d *boundDedicated) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	return d.most.doMulti(ctx, d.DedicatedClient, &d.tx, multi)
}
