package rueidisentra_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/rueidisentra"
)

func TestSlicesBlockForAtMostMaxAndForNoLongerThanTheCommand(t *testing.T) {
	const unchanged = ""
	for _, c := range []struct{ command, slices string }{
		// Endless.
		{"BLPOP k 0", "BLPOP k 10, BLPOP k 10, BLPOP k 10, BLPOP k 10"},
		{"BRPOP k1 k2 0.0", "BRPOP k1 k2 10, BRPOP k1 k2 10, BRPOP k1 k2 10, BRPOP k1 k2 10"},
		{"BLMPOP 0 2 a b LEFT COUNT 3", strings.Repeat("BLMPOP 10 2 a b LEFT COUNT 3, ", 4)},
		{"XREAD BLOCK 0 STREAMS k 0", strings.Repeat("XREAD BLOCK 10000 STREAMS k 0, ", 4)},

		// Longer than max: what is left goes last.
		{"BLPOP k 25", "BLPOP k 10, BLPOP k 10, BLPOP k 5"},
		{"BLPOP k 20", "BLPOP k 10, BLPOP k 10"},
		{"BZPOPMIN k 10.001", "BZPOPMIN k 10, BZPOPMIN k 0.001"},
		{"BLPOP k 16.001", "BLPOP k 10, BLPOP k 6.001"}, // 16.001*1000 is a little more than 16001
		{"BZPOPMAX k 1.25e1", "BZPOPMAX k 10, BZPOPMAX k 2.5"},
		{"BZMPOP 11 1 k MIN", "BZMPOP 10 1 k MIN, BZMPOP 1 1 k MIN"},
		{"BLMOVE a b LEFT RIGHT 11", "BLMOVE a b LEFT RIGHT 10, BLMOVE a b LEFT RIGHT 1"},
		{"BRPOPLPUSH a b 11", "BRPOPLPUSH a b 10, BRPOPLPUSH a b 1"},
		{"blpop k 11", "blpop k 10, blpop k 1"},
		{"BLPOP k 1e12", strings.Repeat("BLPOP k 10, ", 4)},
		{"XREAD COUNT 5 BLOCK 10001 STREAMS a b 1-1 2", "XREAD COUNT 5 BLOCK 10000 STREAMS a b 1-1 2, XREAD COUNT 5 BLOCK 1 STREAMS a b 1-1 2"},
		{"xread block 10001 count 5 streams a 1", "xread block 10000 count 5 streams a 1, xread block 1 count 5 streams a 1"},
		{"XREADGROUP GROUP block streams COUNT 5 BLOCK 10001 NOACK STREAMS a >", "XREADGROUP GROUP block streams COUNT 5 BLOCK 10000 NOACK STREAMS a >, XREADGROUP GROUP block streams COUNT 5 BLOCK 1 NOACK STREAMS a >"},
		{"XREADGROUP GROUP g c BLOCK 10001 CLAIM 7 STREAMS a >", "XREADGROUP GROUP g c BLOCK 10000 CLAIM 7 STREAMS a >, XREADGROUP GROUP g c BLOCK 1 CLAIM 7 STREAMS a >"},
		{"XREAD BLOCK 1 BLOCK 10001 STREAMS k 0", "XREAD BLOCK 1 BLOCK 10000 STREAMS k 0, XREAD BLOCK 1 BLOCK 1 STREAMS k 0"},
		{"XREAD BLOCK 20001 STREAMS + b + 3", "XREAD BLOCK 10000 STREAMS + b + 3, XREAD BLOCK 10000 STREAMS + b 0-0 3, XREAD BLOCK 1 STREAMS + b 0-0 3"},

		// Short enough.
		{"BLPOP k 10", unchanged},
		{"BLPOP k 0.0001", unchanged},
		{"BLPOP k 1e-12", unchanged},
		{"XREAD BLOCK 10000 STREAMS k $", unchanged},

		// Not blocking.
		{"GET k", unchanged},
		{"PING", unchanged},
		{"LPOP k 0", unchanged},
		{"SET BLPOP k 0", unchanged},
		{"XREAD STREAMS k 0", unchanged},
		{"XREAD STREAMS BLOCK 0", unchanged},
		{"XREAD COUNT 1 STREAMS BLOCK k 0 0", unchanged},
		{"XREADGROUP GROUP BLOCK 0 STREAMS k >", unchanged},
		{"WAIT 1 0", unchanged},
		{"WAITAOF 1 1 0", unchanged},

		// The server's to refuse.
		{"BLPOP k -1", unchanged},
		{"BLPOP k x", unchanged},
		{"BLPOP k NaN", unchanged},
		{"BLPOP k inf", unchanged},
		{"BLPOP k 1_000", unchanged},
		{"BLPOP k 1e300", unchanged},
		{"BLPOP k 9223372036854775807", unchanged},
		{"BLPOP 0", unchanged},
		{"BLPOP", unchanged},
		{"BLMPOP 0 1", unchanged},
		{"XREAD BLOCK -1 STREAMS k 0", unchanged},
		{"XREAD BLOCK 1.5 STREAMS k 0", unchanged},
		{"XREAD BLOCK +0 STREAMS k 0", unchanged},
		{"XREAD BLOCK 00 STREAMS k 0", unchanged},
		{"XREAD BLOCK 9223372036854775807 STREAMS k 0", unchanged},
		{"XREAD BLOCK 9223372036854775808 STREAMS k 0", unchanged},
		{"XREAD BLOCK", unchanged},
		{"XREAD BLOCK 0", unchanged},
		{"XREAD BLOCK 0 STREAMS", unchanged},
		{"XREAD BLOCK 0 STREAMS a b 0", unchanged},
		{"XREAD BLOCK 0 LATER STREAMS a 0", unchanged},
		{"XREADGROUP BLOCK 0 GROUP", unchanged},
	} {
		t.Run(c.command, func(t *testing.T) {
			args := strings.Fields(c.command)
			var got []string
			for _, slice := range rueidisentra.Slices(args, 10*time.Second) {
				got = append(got, strings.Join(slice, " "))
			}
			require.Equal(t, strings.TrimSuffix(c.slices, ", "), strings.Join(got, ", "))
			require.Equal(t, strings.Fields(c.command), args, "the caller's arguments were written to")
		})
	}
}

// No timeout, however odd, may become a slice that blocks endlessly or for longer than
// max, or one that the server refuses.
func FuzzSlices(f *testing.F) {
	for _, s := range []string{"0", "1", "0.0005", "1.001", "4.35", "1e3", "-0", "0.3"} {
		f.Add(s, int64(7))
	}
	f.Fuzz(func(t *testing.T, timeout string, most int64) {
		if most <= 0 || most > time.Hour.Milliseconds() {
			t.Skip()
		}
		for _, command := range [][]string{{"BLPOP", "k", timeout}, {"XREAD", "BLOCK", timeout, "STREAMS", "k", "0"}} {
			for _, slice := range rueidisentra.Slices(command, time.Duration(most)*time.Millisecond) {
				at := slices.IndexFunc(command, func(s string) bool { return s == timeout })
				require.NotEqual(t, "0", slice[at])
				require.NotContains(t, slice[at], "-")
				require.Empty(t, rueidisentra.Slices(slice, time.Duration(most)*time.Millisecond), "a slice that is itself too long")
			}
		}
	})
}
