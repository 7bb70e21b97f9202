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
	"github.com/redisentra/redisentra/auth/reauth"
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
				pair := pairs[through](b, entra, server, nil)
				compare(b, pair, goroutines)
			})
		}
	}
}

// pairs are plain rueidis and ours, on connections of one kind.
var pairs = map[string]func(*testing.B, *testutil.Entra, *testutil.RedisServer, func(reauth.Event)) [2]rueidis.Client{"socket": straight, "TLS": throughGateway}

// straight returns a plain client and ours, both on the server's own Unix socket and with its password.
func straight(b *testing.B, _ *testutil.Entra, server *testutil.RedisServer, onReauth func(reauth.Event)) [2]rueidis.Client {
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
	ours, err := rueidisentra.NewClient(option, rotating, &rueidisentra.Options{AllowPlaintext: true, OnReauth: onReauth})
	require.NoError(b, err)
	return [2]rueidis.Client{plain, ours}
}

// throughGateway returns both clients behind TLS and a gateway that enforces expiry.
func throughGateway(b *testing.B, entra *testutil.Entra, server *testutil.RedisServer, onReauth func(reauth.Event)) [2]rueidis.Client {
	entra.SetLifetime(24 * time.Hour)
	lasting, err := tokenSource(b, entra).Credentials(b.Context())
	require.NoError(b, err)
	option := server.ClientOption()
	option.Username, option.Password = lasting.Username, lasting.Password
	option.TLSConfig.ServerName = "localhost"
	plain, err := rueidis.NewClient(option)
	require.NoError(b, err)
	entra.SetLifetime(2 * time.Second)
	ours, err := rueidisentra.NewClient(server.ClientOption(), tokenSource(b, entra), &rueidisentra.Options{OnReauth: onReauth})
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

// BenchmarkRotation tells whether a command is slower while connections re-authenticate: inside is the 99th
// percentile of the GETs that were under way in the 10 ms from the sending of an AUTH on, outside that
// of the others, and ratio the first by the second. (However long AUTH takes: a pause of the machine, which makes
// it take longer, must not count more inside than outside.)
func BenchmarkRotation(b *testing.B) {
	entra := testutil.NewEntra(b, nil)
	for through, newPair := range pairs {
		b.Run("through="+through, func(b *testing.B) {
			var mu sync.Mutex
			var auths []period
			server := testutil.NewRedisServer(b, entra, nil)
			pair := newPair(b, entra, server, func(e reauth.Event) {
				sent := time.Now().Add(-e.Took)
				mu.Lock()
				defer mu.Unlock()
				auths = append(auths, period{sent, sent.Add(10 * time.Millisecond)})
			})
			pair[0].Close()
			defer pair[1].Close()
			const goroutines, each = 16, 1000
			var gets [goroutines][]period
			for b.Loop() {
				var wg sync.WaitGroup
				for i := range goroutines {
					wg.Go(func() {
						for range each {
							begun := time.Now()
							if err := pair[1].Do(context.Background(), pair[1].B().Get().Key("key").Build()).Error(); !rueidis.IsRedisNil(err) {
								b.Error(err)
							}
							gets[i] = append(gets[i], period{begun, time.Now()})
						}
					})
				}
				wg.Wait()
			}
			mu.Lock()
			defer mu.Unlock()
			var took [2][]time.Duration // outside, inside
			for _, g := range slices.Concat(gets[:]...) {
				inside := 0
				if slices.ContainsFunc(auths, func(a period) bool { return g.begin.Before(a.end) && a.begin.Before(g.end) }) {
					inside = 1
				}
				took[inside] = append(took[inside], g.end.Sub(g.begin))
			}
			if len(took[1]) < 1000 {
				b.Skipf("%d GETs during AUTHs are too few: give it more time", len(took[1]))
			}
			p99 := func(d []time.Duration) float64 {
				slices.Sort(d)
				return float64(d[len(d)*99/100].Nanoseconds())
			}
			outside, inside := p99(took[0]), p99(took[1])
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(inside/outside, "ratio")
			b.ReportMetric(outside, "outside-p99-ns")
			b.ReportMetric(inside, "inside-p99-ns")
			b.ReportMetric(float64(len(auths)), "auths")
		})
	}
}

// period is a time from begin to end.
type period struct{ begin, end time.Time }
