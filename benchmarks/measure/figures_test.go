package measure_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/benchmarks/measure"
	"github.com/redisentra/redisentra/testutil"
)

func TestPercentilesAreThoseOfSortedLatencies(t *testing.T) {
	require.Zero(t, measure.NewPercentiles(nil))
	require.Equal(t, measure.Percentiles{P50: 7, P99: 7, P999: 7, Max: 7, N: 1}, measure.NewPercentiles([]time.Duration{7}))
	var all []time.Duration
	for i := range time.Duration(1000) {
		all = append(all, 999-i)
	}
	require.Equal(t, measure.Percentiles{P50: 500, P99: 990, P999: 999, Max: 999, N: 1000}, measure.NewPercentiles(all))
}

func TestAMedianIsInTheMiddleOfAll(t *testing.T) {
	require.Zero(t, measure.Median[float64](nil))
	require.Equal(t, 7, measure.Median([]int{7}))
	all := []time.Duration{40, 10, 30}
	require.Equal(t, time.Duration(30), measure.Median(all))
	require.Equal(t, []time.Duration{40, 10, 30}, all, "it was sorted in place")
	require.Equal(t, 2.5, measure.Median([]float64{9, 1, 3, 2}))
}

func TestAWindowHoldsWhatIsUnderWayInIt(t *testing.T) {
	const ms = time.Millisecond
	auths := []time.Duration{100 * ms, 105 * ms, 500 * ms}
	for _, c := range []struct {
		name       string
		begin, end time.Duration
		inside     bool
	}{
		{"before all", 10 * ms, 20 * ms, false},
		{"until it begins", 90 * ms, 100 * ms, true},
		{"within", 102 * ms, 103 * ms, true},
		{"within the second only", 112 * ms, 113 * ms, true},
		{"from its end", 115 * ms, 116 * ms, false},
		{"between", 200 * ms, 300 * ms, false},
		{"over all of it", 400 * ms, 600 * ms, true},
		{"after all", 600 * ms, 601 * ms, false},
	} {
		require.Equal(t, c.inside, measure.InWindow(auths, c.begin, c.end), c.name)
	}
}

func TestEachStretchWithEnoughCommandsHasItsRatio(t *testing.T) {
	const n = 4_500 // a command each millisecond, of which 10 of 20 are in a window: 1,000 of both in 2 s
	var auths, took []time.Duration
	for i := range time.Duration(n) {
		slow := 1 + i/2_000 // the windows of one stretch after the other
		if i%20 == 0 {
			auths = append(auths, i*time.Millisecond)
		}
		if i%20 >= 10 {
			slow = 1
		}
		took = append(took, slow*time.Microsecond)
	}
	inside, outside, ratios := measure.Split(auths, took)
	require.Len(t, inside, n/2)
	require.Len(t, outside, n/2)
	require.Equal(t, []float64{1, 2}, ratios, "of what is over there are too few")

	_, outside, ratios = measure.Split(nil, took)
	require.Len(t, outside, n)
	require.Empty(t, ratios, "nothing was in a window")
}

func TestATokenIsUsedFromTheFirstAuthAfterItCameUntilThereIsTheNext(t *testing.T) {
	epoch := time.Unix(0, 0)
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
	tokens := []testutil.Issued{{At: at(10)}, {At: at(20)}, {At: at(30)}, {At: at(40)}}
	auths := []testutil.Auth{
		{Conn: 1, At: at(9)}, // with the token before
		{Conn: 2, At: at(12)},
		{Conn: 1, At: at(13)},
		{Conn: 2, At: at(14)},
		{Conn: 3, At: at(17)},
		{Conn: 1, At: at(19)},
		{Conn: 1, At: at(20)},
		{Conn: 3, At: at(25)},
		{Conn: 1, At: at(41)}, // with the newest, which others may still have to learn of
	}
	last, spread, reached := measure.LastUses(tokens, auths)
	require.Equal(t, []time.Duration{7 * time.Second, 5 * time.Second}, last)
	require.Equal(t, []time.Duration{5 * time.Second, 5 * time.Second}, spread)
	require.Equal(t, []int{3, 2, 0}, reached, "of the third one nobody made use")

	last, _, reached = measure.LastUses(nil, auths)
	require.Empty(t, last)
	require.Empty(t, reached)
}

// broken is a client whose subscriptions end, each after a message of its own.
type broken struct {
	contenders.Client
	messages chan string
}

func (c broken) Subscribe(ctx context.Context, _ string, ready func(), got func(string)) error {
	ready()
	select {
	case m := <-c.messages:
		got(m)
		return io.EOF
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestAMessageThatHasNotComeIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := broken{messages: make(chan string)}
		go func() {
			for _, m := range []string{"1", "3", "3", "4"} {
				c.messages <- m
			}
		}()
		b := measure.NewInbox(c, 5)
		lost, ended, err := b.End()
		require.NoError(t, err)
		require.Equal(t, 2, lost, "2 and 5")
		require.Equal(t, 4, ended)
	})
}
