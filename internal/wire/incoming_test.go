package wire_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
)

// measure lets in measure stream, cut at the offsets in cuts, and returns where replies end.
func measure(in *wire.Incoming, stream string, cuts ...int) (ends []int, err error) {
	at := 0
	for _, end := range append(cuts, len(stream)) {
		for at < end {
			n, err := in.Next([]byte(stream[at:end]))
			if at += n; err != nil {
				return ends, err
			}
			if in.Between() {
				ends = append(ends, at)
			} else if at < end {
				return ends, fmt.Errorf("Next stopped at %d in the middle of a reply", at)
			}
		}
	}
	return ends, nil
}

// referenceEnds returns where the replies of stream end, and what is behind the last of them.
func referenceEnds(stream string) (ends []int, err error) {
	for rest := stream; ; {
		if rest, err = referenceReply(rest); err != nil {
			return ends, err
		}
		ends = append(ends, len(stream)-len(rest))
	}
}

func TestRepliesOfEveryTypeAreMeasuredHoweverTheyAreCut(t *testing.T) {
	for name, reply := range everyReply {
		t.Run(name, func(t *testing.T) {
			stream := reply + "+next\r\n"
			want := []int{len(reply), len(stream)}
			for _, cuts := range [][]int{nil, everyByteCut(len(stream))} {
				var in wire.Incoming
				ends, err := measure(&in, stream, cuts...)
				require.NoError(t, err)
				require.Equal(t, want, ends)
			}
			// Long ones are cut at every place near both ends.
			for i := range len(stream) {
				if i > 100 && i < len(stream)-100 {
					continue
				}
				var in wire.Incoming
				ends, err := measure(&in, stream, i)
				require.NoError(t, err)
				require.Equal(t, want, ends, "cut at %d", i)
			}
		})
	}
}

func TestFirstIsTheTypeOfTheReplyUnderWay(t *testing.T) {
	var in wire.Incoming
	require.True(t, in.Between())
	for _, reply := range everyReply {
		for i := range min(len(reply), 1000) {
			_, err := in.Next([]byte(reply[i : i+1]))
			require.NoError(t, err)
			require.Equal(t, reply[0], in.First())
			require.Equal(t, i == len(reply)-1, in.Between())
		}
		if rest := reply[min(len(reply), 1000):]; rest != "" {
			n, err := in.Next([]byte(rest + ">0\r\n"))
			require.NoError(t, err)
			require.Equal(t, len(rest), n)
		}
		require.True(t, in.Between())
		require.Equal(t, reply[0], in.First(), "has just ended")
		n, err := in.Next(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		require.True(t, in.Between(), "nothing is no beginning")
	}
}

func TestWhatIsNoReplyIsRefused(t *testing.T) {
	for _, stream := range []string{
		"x", "OK\r\n", "\r\n", "\n", "\x00", "?1\r\n", "\xff",
		"$\r\n", "$x\r\n", "$+1\r\n", "$--1\r\n", "$1-\r\n", "$1 \r\n", "$1\n", "$1\r\r", "$1\rx", "$-\r\n", "$?\r\n",
		"*\r\n", "*x", "%\r\n", "~1x\r\n", ">-\r\n", "|\n", "!x", "=\r\n",
		"*2147483648\r\n", "$9999999999\r\n", "$12345678901", "*2\r\n:1\r\nx", "*1\r\n*1\r\n$x",
	} {
		for _, before := range []string{"", "+OK\r\n", "$2\r\nab\r\n*1\r\n:1\r\n"} {
			all := before + stream
			for i := range len(all) {
				var in wire.Incoming
				_, err := measure(&in, all, i)
				require.ErrorIs(t, err, wire.ErrProtocol, "%q", all)
			}
		}
	}
}

func TestALengthThatLiesIsBelievedButCostsNoMemory(t *testing.T) {
	for _, lie := range []string{
		"$536870912\r\nabc", "*2147483647\r\n:1\r\n", "%2147483647\r\n:1\r\n", "|2147483647\r\n+OK\r\n",
		strings.Repeat("*2147483647\r\n", 1000), strings.Repeat("%2147483647\r\n", 1000), strings.Repeat("|2147483647\r\n", 1000),
	} {
		var in wire.Incoming
		stream := []byte(lie)
		require.Zero(t, testing.AllocsPerRun(1, func() {
			in = wire.Incoming{}
			if n, err := in.Next(stream); n != len(stream) || err != nil || in.Between() {
				panic("not believed")
			}
		}))
	}
}

func TestMeasuringCostsNoMemory(t *testing.T) {
	var stream []byte
	for _, reply := range everyReply {
		stream = append(stream, reply[:min(len(reply), 1000)]...)
		if len(reply) > 1000 {
			stream = stream[:len(stream)-1000]
		}
	}
	var in wire.Incoming
	for _, size := range []int{len(stream), 7, 1} {
		require.Zero(t, testing.AllocsPerRun(10, func() {
			for part := range slices.Chunk(stream, size) {
				for len(part) > 0 {
					n, err := in.Next(part)
					if err != nil {
						panic(err)
					}
					part = part[n:]
				}
			}
		}))
		require.True(t, in.Between())
	}
}

func FuzzIncoming(f *testing.F) {
	for _, reply := range everyReply {
		if len(reply) < 1000 {
			f.Add([]byte(reply+reply+reply), uint64(1))
		}
	}
	for _, stream := range []string{"", "*2147483647\r\n$-1\r\n", "$536870912\r\nx", "%1\r\n|1\r\n+a\r\n-b\r\n", ">0\r\n~0\r\n*-1\r\n!-1\r\n", "$01\r\na\r\n", "$-2\r\n", "+a\n"} {
		f.Add([]byte(stream), uint64(2))
	}
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		all := string(stream)
		want, wantErr := referenceEnds(all)
		r := rand.New(rand.NewPCG(seed, 0))
		var whole []int
		var wholeErr error
		for i, cuts := range [][]int{nil, everyByteCut(len(all)), randomCuts(len(all), r)} {
			var in wire.Incoming
			ends, err := measure(&in, all, cuts...)
			if wantErr == io.ErrUnexpectedEOF && err != nil { // It need not wait for a line's end to see that it is wrong.
				require.Equal(t, want, ends)
				_, lineErr := referenceEnds(all + "\r\n")
				require.Equal(t, wire.ErrProtocol, lineErr)
				continue
			}
			if wantErr != wire.ErrProtocol { // All of it is replies, but perhaps the last is not whole.
				require.NoError(t, err)
				require.Equal(t, want, ends)
				require.Equal(t, wantErr == io.EOF, in.Between())
				continue
			}
			// It need not see what is wrong, nor where, but never before a good reply's end; cuts change nothing.
			require.GreaterOrEqual(t, len(ends), len(want))
			require.True(t, slices.Equal(want, ends[:len(want)]))
			if i == 0 {
				whole, wholeErr = ends, kindOf(err)
			}
			require.Equal(t, whole, ends)
			require.Equal(t, wholeErr, kindOf(err))
		}
	})
}
