package rueidisentra_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// dedicated is a dedicated client of bound that ends with the test.
func dedicated(t *testing.T, bound rueidis.Client) rueidis.DedicatedClient {
	t.Helper()
	d, cancel := bound.Dedicate()
	t.Cleanup(cancel)
	return d
}

// multi builds what each of words says.
func multi(c rueidis.CommandClient, words ...string) (cmds rueidis.Commands) {
	for _, w := range words {
		cmds = append(cmds, command(c, w))
	}
	return cmds
}

// answers are results, errors as their texts.
func answers(results []rueidis.RedisResult) (all []any) {
	for _, r := range results {
		v, err := r.ToAny()
		if err != nil {
			v = err.Error()
		}
		all = append(all, v)
	}
	return all
}

func TestDedicatedClientsAndNodesAreBoundToo(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{})
	spied := newSpy(client)
	bound := rueidisentra.BoundBlocking(spied, time.Millisecond)
	slices := func(c rueidis.CommandClient) {
		t.Helper()
		spied.before = func(args []string) {
			if args[0] == "XREAD" {
				spied.before = nil
				do(t, client, "XADD k * f v")
			}
		}
		do(t, c, "XREAD BLOCK 0 STREAMS k $")
		lines := spied.lines()
		require.Equal(t, "XREVRANGE k + - COUNT 1", lines[0])
		require.Contains(t, lines[1], "XREAD BLOCK 1 STREAMS k ")
	}
	slices(bound)
	slices(dedicated(t, bound))
	require.NoError(t, bound.Dedicated(func(d rueidis.DedicatedClient) error {
		slices(d)
		return nil
	}))
	require.NotEmpty(t, bound.Nodes())
	for _, node := range bound.Nodes() {
		slices(node)
		slices(dedicated(t, node))
	}
}

func TestNothingIsSlicedInsideMULTI(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{})
	spied := newSpy(client)
	d := dedicated(t, rueidisentra.BoundBlocking(spied, time.Millisecond))
	sent := func(words string, want ...string) {
		t.Helper()
		spied.lines()
		_, _ = d.Do(t.Context(), command(d, words)).ToAny()
		require.Equal(t, want, spied.lines())
	}
	const read, pop = "XREAD BLOCK 0 STREAMS k $", "BLPOP list 0"
	sliced := func() {
		t.Helper()
		do(t, client, "RPUSH list v")
		sent(pop, "BLPOP list 0.001")
	}

	sliced()
	do(t, d, "WATCH other")
	sliced()
	do(t, d, "multi")
	sent(read, read)
	sent(pop, pop)
	require.Error(t, d.Do(t.Context(), command(d, "MULTI")).Error()) // nested: still open
	sent(pop, pop)
	require.Error(t, d.Do(t.Context(), command(d, "DISCARD now")).Error())
	sent(pop, pop)
	require.Error(t, d.Do(t.Context(), command(d, "EXEC")).Error()) // aborted
	sliced()

	do(t, d, "MULTI")
	sent(pop, pop)
	do(t, d, "Discard")
	sliced()

	require.Error(t, d.Do(t.Context(), command(d, "MULTI now")).Error()) // refused
	sliced()

	do(t, d, "WATCH other")
	do(t, client, "SET other changed")
	do(t, d, "MULTI")
	sent(read, read)
	require.True(t, rueidis.IsRedisNil(d.Do(t.Context(), command(d, "EXEC")).Error()))
	sliced()

	// In DoMulti, and from one call to the next.
	for _, r := range d.DoMulti(t.Context(), multi(d, "SET a 1", "MULTI", pop)...) {
		require.NoError(t, r.Error())
	}
	sent(pop, pop)
	do(t, client, "RPUSH list 1 2 3")
	spied.lines()
	require.Equal(t, []any{"QUEUED", []any{[]any{"list", "1"}, []any{"list", "2"}, nil}, []any{"list", "3"}, "OK"},
		answers(d.DoMulti(t.Context(), multi(d, read, "EXEC", pop, "SET a 2")...)))
	require.Equal(t, []string{read + " | EXEC", "BLPOP list 0.001", "SET a 2"}, spied.lines())

	// What the server refuses within a batch counts for what comes after it.
	do(t, client, "RPUSH list 1 2")
	spied.lines()
	results := d.DoMulti(t.Context(), multi(d, "MULTI now", pop, "EXEC", pop)...)
	require.Equal(t, []string{"MULTI now | " + pop + " | EXEC", "BLPOP list 0.001"}, spied.lines())
	require.Equal(t, []any{"list", "2"}, answers(results)[3])
	do(t, d, "MULTI")
	spied.lines()
	results = d.DoMulti(t.Context(), multi(d, "DISCARD now", pop, "EXEC")...)
	require.Equal(t, []string{"DISCARD now", pop + " | EXEC"}, spied.lines())
	require.ErrorContains(t, results[2].Error(), "EXECABORT")
	sliced()
}

func TestDoMultiKeepsTheOrderOfCommandsAndResults(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{})
	spied := newSpy(client)
	bound := rueidisentra.BoundBlocking(spied, time.Millisecond)
	for name, c := range map[string]rueidis.CommandClient{"client": bound, "dedicated client": dedicated(t, bound)} {
		t.Run(name, func(t *testing.T) {
			do(t, client, "FLUSHALL")
			spied.lines()
			require.Equal(t, []any{"OK", int64(2), []any{"k", "1"}, []any{"k", "2"}, "v", "OK", "QUEUED", []any{nil}, rueidis.Nil.Error(), "OK"},
				answers(c.DoMulti(t.Context(), multi(c, "SET s v", "RPUSH k 1 2", "BLPOP k 0", "BRPOP k 100", "GET s", "MULTI", "BLPOP k 0", "EXEC", "BLPOP k 0.0015", "SET s w")...)))
			lines := spied.lines()
			require.Equal(t, []string{"SET s v | RPUSH k 1 2", "BLPOP k 0.001", "BRPOP k 0.001", "GET s | MULTI | BLPOP k 0 | EXEC", "BLPOP k 0.001"}, lines[:5])
			require.Equal(t, "SET s w", lines[len(lines)-1])

			do(t, client, "RPUSH k 1")
			require.Equal(t, []any{"w", []any{"k", "1"}, int64(0)}, answers(c.DoMulti(t.Context(), multi(c, "GET s", "BLPOP k 0.001", "LLEN k")...)))
			require.Equal(t, []string{"GET s | BLPOP k 0.001 | LLEN k"}, spied.lines(), "one call, as nothing is sliced")
			require.Empty(t, c.DoMulti(t.Context()))

			// An error of the server does not keep the rest from being sent, the end of ctx does.
			require.Equal(t, []any{"WRONGTYPE Operation against a key holding the wrong kind of value", "w"},
				answers(c.DoMulti(t.Context(), multi(c, "BLPOP s 0", "GET s")...)))
			spied.lines()
			ctx, cancel := context.WithCancel(t.Context())
			spied.before = func(args []string) {
				if args[0] == "BLPOP" {
					cancel()
				}
			}
			defer func() { spied.before = nil }()
			results := c.DoMulti(ctx, multi(c, "GET s", "BLPOP k 0", "GET s", "GET s")...)
			require.Equal(t, []any{"w", context.Canceled.Error(), context.Canceled.Error(), context.Canceled.Error()}, answers(results))
			require.Equal(t, context.Canceled, results[3].NonRedisError())
			require.Equal(t, []string{"GET s", "BLPOP k 0.001"}, spied.lines())
		})
	}
}
