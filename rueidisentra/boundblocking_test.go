package rueidisentra_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// newServerClient is a client of a real redis-server.
func newServerClient(t *testing.T, opts *testutil.RedisServerOptions) rueidis.Client {
	t.Helper()
	entra := testutil.NewEntra(t, nil)
	opts.Args = []string{"--hz", "500"} // an idle server looks for timeouts that often; by default every 100 ms
	server := testutil.NewRedisServer(t, entra, opts)
	c, err := rueidisentra.NewClient(server.ClientOption(), tokenSource(t, entra), native)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// command builds what words say; the blocking ones as blocking.
func command(c rueidis.CommandClient, words string) rueidis.Completed {
	args := strings.Fields(words)
	if a := c.B().Arbitrary(args...); strings.HasPrefix(args[0], "B") || strings.Contains(words, "BLOCK") {
		return a.Blocking()
	} else {
		return a.Build()
	}
}

// do sends what words say, which must succeed.
func do(t *testing.T, c rueidis.CommandClient, words string) any {
	t.Helper()
	v, err := c.Do(t.Context(), command(c, words)).ToAny()
	require.NoError(t, err, words)
	return v
}

func TestASlicedCommandReturnsWhatTheOneCommandReturns(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{})
	const list, zset, stream = "RPUSH k one two", "ZADD k 1 one 2 two", "XADD k 5-1 f v"
	for _, c := range []struct{ command, add string }{
		{"BLPOP other k TIMEOUT", list},
		{"BRPOP k TIMEOUT", list},
		{"BLMOVE k to LEFT RIGHT TIMEOUT", list},
		{"BRPOPLPUSH k to TIMEOUT", list},
		{"BLMPOP TIMEOUT 2 other k RIGHT COUNT 2", list},
		{"BZPOPMIN other k TIMEOUT", zset},
		{"BZPOPMAX k TIMEOUT", zset},
		{"BZMPOP TIMEOUT 1 k MIN COUNT 2", zset},
		{"XREAD BLOCK TIMEOUT STREAMS other k 0 5-0", stream},
		{"XREAD COUNT 3 BLOCK TIMEOUT STREAMS k 0", stream},
		{"XREADGROUP GROUP g c COUNT 3 BLOCK TIMEOUT STREAMS grouped >", "XADD grouped 5-1 f v"},
	} {
		t.Run(c.command, func(t *testing.T) {
			prepare := func() *spy {
				do(t, client, "FLUSHALL")
				do(t, client, "XGROUP CREATE grouped g $ MKSTREAM")
				return newSpy(client)
			}
			prepare()
			endless := strings.Replace(c.command, "TIMEOUT", "0", 1)
			do(t, client, c.add)
			want := do(t, client, endless)

			spied := prepare()
			slice := 0
			spied.before = func([]string) {
				if slice++; slice == 3 {
					do(t, client, c.add)
				}
			}
			require.Equal(t, want, do(t, rueidisentra.BoundBlocking(spied, 2*time.Millisecond), endless))
			require.Equal(t, 3, slice)

			spied = prepare()
			timeout := "0.05"
			if strings.HasPrefix(c.command, "X") {
				timeout = "50"
			}
			finite := command(client, strings.Replace(c.command, "TIMEOUT", timeout, 1))
			err := rueidisentra.BoundBlocking(spied, 2*time.Millisecond).Do(t.Context(), finite).Error()
			require.True(t, rueidis.IsRedisNil(err), "%v", err)
		})
	}
}

func TestWhatTheServerRefusesIsRefusedAsEver(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{})
	bound := rueidisentra.BoundBlocking(client, time.Millisecond)
	do(t, client, "SET string v")
	for _, words := range []string{
		"BLPOP string 0", "BLPOP k -1", "BLPOP k soon", "BLPOP k inf", "BLPOP k", "BLMOVE a b LEFT 0", "BLMPOP 0 0 k LEFT", "BZMPOP 0 1 k UP",
		"XREAD BLOCK 0 STREAMS string 0", "XREAD BLOCK 0 STREAMS string $", "XREAD BLOCK x STREAMS k 0", "XREAD BLOCK 0 STREAMS k", "XREAD BLOCK 0 STREAMS k x",
		"XREAD BLOCK 0 COUNT x STREAMS k $", "XREADGROUP GROUP g c BLOCK 0 STREAMS k >", "XREADGROUP GROUP g c BLOCK 0 STREAMS k $",
	} {
		want := client.Do(t.Context(), command(client, words))
		require.Error(t, want.Error(), words)
		got := bound.Do(t.Context(), command(client, words))
		require.Equal(t, want.Error(), got.Error(), words)
		require.NoError(t, got.NonRedisError(), words)
	}
}

func TestXREADFromTheEndSaysSoWhenItMayNotAskForTheEnd(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{ACL: []string{"~*", "&*", "+@all", "-xrevrange"}})
	err := rueidisentra.BoundBlocking(client, time.Millisecond).Do(t.Context(), command(client, "XREAD BLOCK 0 STREAMS k $")).Error()
	require.ErrorContains(t, err, "NOPERM")
	require.ErrorContains(t, err, "xrevrange")
}

func TestTheEndOfAStreamIsWhereItWasWhenTheCommandCame(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{})
	for name, history := range map[string][]string{
		"no stream":            nil,
		"entries":              {"XADD k 1-1 f v", "XADD k 2-2 f v"},
		"last entries deleted": {"XADD k 1-1 f v", "XADD k 2-2 f v", "XADD k 3-3 f v", "XDEL k 2-2 3-3"},
		"all entries deleted":  {"XADD k 1-1 f v", "XADD k 3-3 f v", "XDEL k 1-1 3-3"},
		"recreated":            {"XADD k 9-9 f v", "DEL k"},
	} {
		t.Run(name, func(t *testing.T) {
			do(t, client, "FLUSHALL")
			for _, words := range history {
				do(t, client, words)
			}
			spied := newSpy(client)
			n := 0
			spied.before = func([]string) {
				if n++; n == 3 { // with the first slice, after both ends were asked for
					do(t, client, "XADD k 4-0 f new")
				}
			}
			got, err := rueidisentra.BoundBlocking(spied, 2*time.Millisecond).Do(t.Context(), command(client, "XREAD BLOCK 0 STREAMS other k $ $")).AsXRead()
			require.NoError(t, err)
			require.Equal(t, map[string][]rueidis.XRangeEntry{"k": {{ID: "4-0", FieldValues: map[string]string{"f": "new"}}}}, got)
			require.Equal(t, "XREVRANGE other + - COUNT 1 | XREVRANGE k + - COUNT 1", spied.lines()[0])
		})
	}
}

func TestTheWholeTimeoutPasses(t *testing.T) {
	for _, c := range []struct {
		command string
		max     time.Duration
		want    []string
	}{
		{"BLPOP k 150.5", 0, []string{"BLPOP k 60", "BLPOP k 60", "BLPOP k 30.5"}},
		{"BLPOP k 150", time.Hour, []string{"BLPOP k 150"}},
		{"BRPOP k 150", 75*time.Second + 1, []string{"BRPOP k 75", "BRPOP k 75"}},
		{"XREAD BLOCK 150000 STREAMS k 0", 100 * time.Second, []string{"XREAD BLOCK 100000 STREAMS k 0", "XREAD BLOCK 50000 STREAMS k 0"}},
	} {
		t.Run(c.command, func(t *testing.T) {
			virtual(t, 24*time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
				spied := newSpy(newClient(t, redis, tokenSource(t, entra), nil))
				start := time.Now()
				result := rueidisentra.BoundBlocking(spied, c.max).Do(t.Context(), command(spied, c.command))
				require.True(t, rueidis.IsRedisNil(result.Error()), "%v", result.Error())
				require.InDelta(t, 150, time.Since(start).Seconds(), 0.6)
				require.Equal(t, c.want, spied.lines())
			})
		})
	}
}

func TestTheEndOfCtxEndsTheWait(t *testing.T) {
	virtual(t, 24*time.Hour, func(t *testing.T, entra *testutil.Entra, redis *testutil.Redis) {
		spied := newSpy(newClient(t, redis, tokenSource(t, entra), nil))
		bound := rueidisentra.BoundBlocking(spied, time.Minute)

		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		start := time.Now()
		err := bound.Do(ctx, command(bound, "BLPOP k 0")).NonRedisError()
		require.Equal(t, context.DeadlineExceeded, err)
		require.Equal(t, 150*time.Second, time.Since(start))
		require.Len(t, spied.lines(), 3)

		for _, words := range []string{"BLPOP k 0", "XREAD BLOCK 0 STREAMS s $"} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(150*time.Second, cancel)
			start = time.Now()
			require.Equal(t, context.Canceled, bound.Do(ctx, command(bound, words)).NonRedisError())
			require.Equal(t, 150*time.Second, time.Since(start))
			require.Equal(t, context.Canceled, bound.Do(ctx, command(bound, words)).NonRedisError())
		}

		// Between two slices.
		spied.orders()
		ctx, cancel = context.WithCancel(t.Context())
		between := rueidisentra.BoundBlocking(&cancelling{spied, cancel}, time.Minute)
		require.Equal(t, context.Canceled, between.Do(ctx, command(bound, "BLPOP k 0")).NonRedisError())
		require.Len(t, spied.lines(), 1)
	})
}

// cancelling is a client that ends ctx after each command.
type cancelling struct {
	rueidis.Client
	cancel func()
}

func (c *cancelling) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	defer c.cancel()
	return c.Client.Do(ctx, cmd)
}

func TestAPinnedCommandStaysReusable(t *testing.T) {
	client := newServerClient(t, &testutil.RedisServerOptions{})
	bound := rueidisentra.BoundBlocking(client, time.Millisecond)
	pop := client.B().Blpop().Key("k").Timeout(0).Build().Pin()
	read := client.B().Xread().Block(5).Streams().Key("s").Id("$").Build().Pin()
	for range 2 {
		do(t, client, "RPUSH k v")
		require.NoError(t, bound.Do(t.Context(), pop).Error())
		require.True(t, rueidis.IsRedisNil(bound.DoMulti(t.Context(), read)[0].Error()))
	}
	require.Equal(t, []string{"BLPOP", "k", "0"}, pop.Commands())
	require.Equal(t, []string{"XREAD", "BLOCK", "5", "STREAMS", "s", "$"}, read.Commands())
}

func TestSlicesKeepTheSlotAndTheFlagsOfTheCommand(t *testing.T) {
	cluster, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{miniredis.RunT(t).Addr()}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	require.Equal(t, rueidis.ClientModeCluster, cluster.Mode())
	b := cluster.B()
	slot := b.Get().Key("{a}1").Build()
	for _, cmd := range []rueidis.Completed{
		b.Blpop().Key("{a}1", "{a}2").Timeout(0.003).Build(),
		b.Blpop().Key("{a}1").Timeout(0.003).Build().ToPipe().ToRetryable(),
		b.Bzmpop().Timeout(0.003).Numkeys(1).Key("{a}1").Min().Build(),
		b.Xread().Block(3).Streams().Key("{a}1", "{a}2").Id("$", "0").Build(),
		b.Xread().Count(7).Block(3).Streams().Key("{a}1").Id("$").Build(),
		b.Arbitrary("XREAD", "BLOCK", "3", "STREAMS").Keys("{a}1").Args("$").Blocking(),
		b.Arbitrary("BLPOP").Keys("{a}1").Args("0.003").Build(),
		b.Arbitrary("XREAD", "BLOCK", "3", "STREAMS").Keys("{a}1").Args("0").ReadOnly(),
		b.Arbitrary("BLPOP", "{a}1", "{b}2", "0.003").Blocking(), // without a slot, and with two
	} {
		words := strings.Join(cmd.Commands(), " ")
		spied := newSpy(cluster)
		_ = rueidisentra.BoundBlocking(spied, time.Millisecond).Do(t.Context(), cmd)
		orders := spied.orders()
		require.NotEmpty(t, orders, words)
		for _, o := range orders {
			require.Equal(t, cmd.Slot(), o.slot, "%s: %v", words, o.args)
			require.Equal(t, cmd.IsReadOnly(), o.readonly, "%s: %v", words, o.args)
			require.Equal(t, cmd.IsPipe(), o.pipe, "%s: %v", words, o.args)
			require.Equal(t, cmd.IsRetryable(), o.retryable, "%s: %v", words, o.args)
			if o.args[0] == "XREVRANGE" {
				require.False(t, o.block)
				continue
			}
			require.Equal(t, cmd.IsBlock(), o.block, "%s: %v", words, o.args)
			require.Len(t, o.args, len(cmd.Commands()), words)
		}
		if strings.Contains(words, "{b}") {
			require.NotEqual(t, slot.Slot(), orders[0].slot)
		} else {
			require.Equal(t, slot.Slot(), orders[0].slot)
		}
	}
}

func TestWhatDoesNotBlockCostsNothingMore(t *testing.T) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{miniredis.RunT(t).Addr()}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	bound := rueidisentra.BoundBlocking(silent{client}, time.Minute)
	get := client.B().Get().Key("k").Build().Pin()
	pop := client.B().Blpop().Key("k").Timeout(30).Build().Pin()
	multi := []rueidis.Completed{get, pop, get}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		bound.Do(context.Background(), get)
		bound.Do(context.Background(), pop)
		bound.DoMulti(context.Background(), multi...)
	}))
}

// silent is a client that sends nothing.
type silent struct{ rueidis.Client }

func (silent) Do(context.Context, rueidis.Completed) rueidis.RedisResult {
	return rueidis.RedisResult{}
}

func (silent) DoMulti(context.Context, ...rueidis.Completed) []rueidis.RedisResult { return nil }
