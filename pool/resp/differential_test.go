package resp_test

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/pool/resp"
	"github.com/redisentra/redisentra/testutil"
)

// seed makes the same commands every time; change it to look elsewhere.
const seed = 20250611

// TestRepliesAreWhatRueidisReads sends the same random commands to two servers, one with rueidis.
func TestRepliesAreWhatRueidisReads(t *testing.T) {
	// Hashes keep their order as long as they are lists, and sets are in order as long as they hold numbers.
	opts := &testutil.RedisServerOptions{Args: []string{"--hash-max-listpack-value", "1000000"}}
	for name, resp2 := range map[string]bool{"RESP3": false, "RESP2": true} {
		t.Run(name, func(t *testing.T) {
			t.Logf("seed %d", seed)
			ctx := context.Background()
			ours, user, token := newServer(t, opts)
			c := login(t, ours, resp.Options{RESP2: resp2}, user, token)
			theirs, user, token := newServer(t, opts)
			option := theirs.ClientOption()
			option.Username, option.Password, option.AlwaysRESP2, option.DisableCache = user, token, resp2, resp2
			client, err := rueidis.NewClient(option)
			require.NoError(t, err)
			defer client.Close()
			rueidis, release := client.Dedicate()
			defer release()

			g := generator{rand.New(rand.NewPCG(seed, 0))}
			kinds := map[resp.Kind]int{}
			for n := range 1000 {
				args := g.command()
				replies, err := c.Pipeline(ctx, args)
				require.NoError(t, err)
				kinds[replies[0].Kind()]++
				want, err := rueidis.Do(ctx, rueidis.B().Arbitrary(args...).Build()).ToAny()
				if err != nil && !strings.Contains(err.Error(), "redis nil") {
					want = err
				}
				require.Equal(t, normal(want), normal(replies[0].Any()), "command %d: %q", n, args)
			}
			t.Logf("%v", kinds)
			require.Greater(t, len(kinds), 5)
		})
	}
}

// normal returns v without what the clients show differently: the keys of maps, big numbers, errors.
func normal(v any) any {
	switch v := v.(type) {
	case string:
		return strings.TrimPrefix(v, "mkd:") // rueidis leaves the format in verbatim strings
	case error:
		return "error: " + strings.TrimPrefix(v.Error(), "ERR ")
	case *big.Int:
		return v.String()
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = normal(v[i])
		}
		return list
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			m[fmt.Sprint(k)] = normal(e)
		}
		return m
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = normal(e)
		}
		return m
	}
	return v
}

// generator makes commands whose replies depend on those before only.
type generator struct{ *rand.Rand }

func (g *generator) word() string {
	if g.IntN(40) == 0 {
		return strings.Repeat("long ", 1+g.IntN(5000))
	}
	return []string{"", "a", "b", "c", "1", "2.5", "-3", "x\r\ny", "\x00\xff", "ü", "+OK", "$5"}[g.IntN(12)]
}

func (g *generator) number() string { return strconv.Itoa(g.IntN(20) - 5) }

// key returns a key of one type, or, seldom, of another one, so that there are errors.
func (g *generator) key(kind string) string {
	if g.IntN(12) == 0 {
		kind = []string{"string", "hash", "set", "zset", "list", "stream"}[g.IntN(6)]
	}
	return kind + ":" + strconv.Itoa(g.IntN(3))
}

func (g *generator) command() []string {
	scripts := []string{
		"return {1, 'two', false, {3, {4}}, redis.status_reply('FINE')}", "return redis.error_reply('MINE no')", "return redis.call('GET', KEYS[1])",
		"redis.setresp(3); return {map={a=1,b={double=2.5}}}", "redis.setresp(3); return {set={x=true}}", "redis.setresp(3); return {double=1e300}", "return nonsense", "return redis.pcall('INCR', KEYS[1])",
		"redis.setresp(3); return {big_number='123456789012345678901234567890'}", "redis.setresp(3); return {verbatim_string={format='mkd', string='# a'}}", "redis.setresp(3); return true",
	}
	all := []func() []string{
		func() []string { return []string{"SET", g.key("string"), g.word()} },
		func() []string { return []string{"GET", g.key("string")} },
		func() []string { return []string{"INCRBY", g.key("string"), g.number()} },
		func() []string { return []string{"INCRBYFLOAT", g.key("string"), "0.25"} },
		func() []string { return []string{"APPEND", g.key("string"), g.word()} },
		func() []string { return []string{"MGET", g.key("string"), g.key("string"), g.key("hash")} },
		func() []string { return []string{"GETRANGE", g.key("string"), g.number(), g.number()} },
		func() []string {
			return []string{"LCS", g.key("string"), g.key("string"), "IDX", "MINMATCHLEN", "500"}
		},
		func() []string { return []string{"HSET", g.key("hash"), g.word(), g.word(), g.word(), g.word()} },
		func() []string { return []string{"HGET", g.key("hash"), g.word()} },
		func() []string { return []string{"HGETALL", g.key("hash")} },
		func() []string { return []string{"HMGET", g.key("hash"), g.word(), g.word()} },
		func() []string { return []string{"HINCRBY", g.key("hash"), g.word(), g.number()} },
		func() []string { return []string{"SADD", g.key("set"), g.number(), g.number()} },
		func() []string { return []string{"SMEMBERS", g.key("set")} },
		func() []string { return []string{"SINTER", g.key("set"), g.key("set")} },
		func() []string { return []string{"SMISMEMBER", g.key("set"), g.word(), g.word()} },
		func() []string { return []string{"SREM", g.key("set"), g.word()} },
		func() []string {
			return []string{"ZADD", g.key("zset"), g.number(), g.word(), "inf", g.word(), "1e-5", g.word()}
		},
		func() []string { return []string{"ZADD", g.key("zset"), "NX", "INCR", g.number(), g.word()} },
		func() []string { return []string{"ZSCORE", g.key("zset"), g.word()} },
		func() []string { return []string{"ZRANGE", g.key("zset"), "0", "-1", "WITHSCORES"} },
		func() []string { return []string{"ZPOPMIN", g.key("zset"), "2"} },
		func() []string { return []string{"ZMSCORE", g.key("zset"), g.word(), g.word()} },
		func() []string { return []string{"ZINCRBY", g.key("zset"), "2.5", g.word()} },
		func() []string { return []string{"RPUSH", g.key("list"), g.word(), g.word()} },
		func() []string { return []string{"LRANGE", g.key("list"), g.number(), g.number()} },
		func() []string { return []string{"LPOP", g.key("list"), "2"} },
		func() []string { return []string{"BLPOP", g.key("list"), "0.01"} },
		func() []string { return []string{"LMPOP", "2", g.key("list"), g.key("list"), "LEFT"} },
		func() []string { return []string{"LPOS", g.key("list"), g.word(), "COUNT", "0"} },
		func() []string {
			return []string{"XADD", g.key("stream"), fmt.Sprintf("%d-1", 1+g.IntN(500)), g.word(), g.word()}
		},
		func() []string { return []string{"XRANGE", g.key("stream"), "-", "+"} },
		func() []string {
			return []string{"XREAD", "COUNT", "2", "STREAMS", g.key("stream"), g.key("stream"), "0", "1"}
		},
		func() []string { return []string{"XLEN", g.key("stream")} },
		func() []string { return []string{"EVAL", scripts[g.IntN(len(scripts))], "1", g.key("string")} },
		func() []string { return []string{"EVAL", scripts[g.IntN(len(scripts))], "1", g.key("string")} },
		func() []string { return []string{"TYPE", g.key("string")} },
		func() []string { return []string{"EXISTS", g.key("set"), g.key("zset")} },
		func() []string { return []string{"DEL", g.key("list")} },
		func() []string { return []string{"NONSENSE", g.word()} },
		func() []string { return []string{"GET"} },
		func() []string { return []string{"COMMAND", "INFO", "get", "nonsense", "set"} },
		func() []string { return []string{"MULTI"} },
		func() []string { return []string{"EXEC"} },
		func() []string { return []string{"EXEC"} },
		func() []string { return []string{"DISCARD"} },
		func() []string { return []string{"ECHO", g.word()} },
	}
	return all[g.IntN(len(all))]()
}
