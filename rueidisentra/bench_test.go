package rueidisentra_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

// BenchmarkThroughput compares a client of ours, whose credentials live two seconds, with plain
// rueidis on credentials that stay. They take turns of some milliseconds, so that what else the machine does
// hits both alike. ratio is the median over all pairs of turns of plain rueidis' time by ours: 1 is as
// fast, 0.9 a tenth slower. more-allocs/op is what ours allocates on top.
func BenchmarkThroughput(b *testing.B) {
	entra := testutil.NewEntra(b, nil)
	for _, through := range []string{"socket", "TLS"} {
		for _, goroutines := range []int{1, 64} {
			b.Run(fmt.Sprintf("through=%s/goroutines=%d", through, goroutines), func(b *testing.B) {
				server := testutil.NewRedisServer(b, entra, nil)
				pair := straight(b, server)
				if through == "TLS" {
					pair = throughGateway(b, entra, server)
				}
				compare(b, pair, goroutines)
			})
		}
	}
}

// straight returns a plain client and ours, both on the server's own Unix socket and with its password.
func straight(b *testing.B, server *testutil.RedisServer) [2]rueidis.Client {
	option := server.AdminOption()
	plain, err := rueidis.NewClient(option)
	require.NoError(b, err)
	passwords := [2]string{option.Password, "another"}
	require.NoError(b, plain.Do(b.Context(), plain.B().AclSetuser().Username("default").Rule(">"+passwords[1]).Build()).Error())
	option.InitAddress, option.Password = []string{"localhost:6379"}, "" // which DialCtxFn does not look at
	rotating := auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		n := time.Now().Unix()
		return auth.Credentials{Username: "default", Password: passwords[n%2], IssuedAt: time.Unix(n, 0), ExpiresAt: time.Unix(n+2, 0)}, nil
	})
	ours, err := rueidisentra.NewClient(option, rotating, &rueidisentra.Options{AllowPlaintext: true})
	require.NoError(b, err)
	return [2]rueidis.Client{plain, ours}
}

// throughGateway returns both clients behind TLS and a gateway that enforces expiry.
func throughGateway(b *testing.B, entra *testutil.Entra, server *testutil.RedisServer) [2]rueidis.Client {
	entra.SetLifetime(24 * time.Hour)
	lasting, err := tokenSource(b, entra).Credentials(b.Context())
	require.NoError(b, err)
	option := server.ClientOption()
	option.Username, option.Password = lasting.Username, lasting.Password
	option.TLSConfig.ServerName = "localhost"
	plain, err := rueidis.NewClient(option)
	require.NoError(b, err)
	entra.SetLifetime(2 * time.Second)
	ours, err := rueidisentra.NewClient(server.ClientOption(), tokenSource(b, entra), nil)
	require.NoError(b, err)
	return [2]rueidis.Client{plain, ours}
}

// compare runs GETs from so many goroutines at both clients of pair.
func compare(b *testing.B, pair [2]rueidis.Client, goroutines int) {
	const each = 2000 // GETs of a turn
	turn := func(c rueidis.Client) (time.Duration, uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for range each / goroutines {
					if err := c.Do(context.Background(), c.B().Get().Key("key").Build()).Error(); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		return took, after.Mallocs - before.Mallocs
	}
	for _, c := range pair {
		defer c.Close()
		require.NoError(b, c.Do(b.Context(), c.B().Set().Key("key").Value("0123456789abcdef").Build()).Error())
		turn(c)
	}
	var ratios []float64
	var took [2]time.Duration
	var allocs [2]uint64
	for b.Loop() {
		first := len(ratios) % 2
		var d [2]time.Duration
		for _, i := range []int{first, 1 - first} {
			var n uint64
			d[i], n = turn(pair[i])
			took[i] += d[i]
			allocs[i] += n
		}
		ratios = append(ratios, float64(d[0])/float64(d[1]))
	}
	slices.Sort(ratios)
	gets := float64(len(ratios) * each)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(float64(took[0])/gets, "plain-ns/GET")
	b.ReportMetric(float64(took[1])/gets, "ours-ns/GET")
	b.ReportMetric((float64(allocs[1])-float64(allocs[0]))/gets, "more-allocs/GET")
}
