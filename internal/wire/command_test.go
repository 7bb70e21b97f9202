package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
)

// command is a copy of a wire.Command.
type command struct {
	raw  string
	args []string
}

// commands reads all commands of r into one wire.Command.
func commands(r *bufio.Reader) (all []command, err error) {
	var c wire.Command
	for {
		if err = c.Read(r); err != nil {
			return all, err
		}
		copied := command{raw: string(c.Raw)}
		for _, arg := range c.Args {
			copied.args = append(copied.args, string(arg))
		}
		all = append(all, copied)
	}
}

func TestReadReturnsTheWordsThatAppendCommandGot(t *testing.T) {
	for name, words := range map[string][]string{
		"no word":           nil,
		"one word":          {"PING"},
		"empty words":       {"", "", ""},
		"line ends in it":   {"SET", "a\r\nb", "\r\n", "\n"},
		"RESP in it":        {"ECHO", "*1\r\n$4\r\nPING\r\n"},
		"every byte":        {"SET", "k", everyByte()},
		"longer than a MiB": {"SET", "k", strings.Repeat("0123456789abcdef", 1<<16+1)},
		"many words":        strings.Split(strings.Repeat("w ", 1000), " "),
	} {
		t.Run(name, func(t *testing.T) {
			raw := wire.AppendCommand([]byte("before"), words...)
			require.True(t, bytes.HasPrefix(raw, []byte("before")))
			stream := append(raw[len("before"):], "PING\r\n"...)
			for reader, r := range readers(stream) {
				got, err := commands(r)
				require.Equal(t, io.EOF, err, reader)
				require.Len(t, got, 2, reader)
				require.Equal(t, words, got[0].args, reader)
				require.Equal(t, []string{"PING"}, got[1].args, reader)
			}
		})
	}
}

func TestAppendCommandTakesBytesAsWellAsStrings(t *testing.T) {
	require.Equal(t, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", string(wire.AppendCommand(nil, []byte("GET"), []byte("k"))))
	require.Equal(t, "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", string(wire.AppendCommand(nil, "GET", "k")))
}

func TestReadSplitsInlineCommandsIntoWords(t *testing.T) {
	for line, words := range map[string][]string{
		"PING\r\n":               {"PING"},
		"PING\n":                 {"PING"},
		"SET key value\r\n":      {"SET", "key", "value"},
		"  SET\tkey   value \n":  {"SET", "key", "value"},
		"SET key \"a b\"\r\n":    {"SET", "key", "\"a", "b\""},
		"SET k a\u00a0\u0085b\n": {"SET", "k", "a\u00a0\u0085b"},
		"SET k \xff\xfe\x00\n":   {"SET", "k", "\xff\xfe\x00"},
		"$4 +OK -1\r\n":          {"$4", "+OK", "-1"},
		"\r\n":                   nil,
		"\n":                     nil,
		" \t \r\n":               nil,
	} {
		got, err := commands(bufio.NewReader(strings.NewReader(line)))
		require.Equal(t, io.EOF, err, "%q", line)
		require.Equal(t, []command{{line, words}}, got, "%q", line)
	}
}

func TestReadGivesNoWordsForAnEmptyArray(t *testing.T) {
	got, err := commands(bufio.NewReader(strings.NewReader("*0\r\n*-1\r\nPING\r\n")))
	require.Equal(t, io.EOF, err)
	require.Equal(t, []command{{"*0\r\n", nil}, {"*-1\r\n", nil}, {"PING\r\n", []string{"PING"}}}, got)
}

func TestReadSaysEOFOnlyBetweenCommands(t *testing.T) {
	all := []string{
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "PING\r\n", "*0\r\n", "\r\n", "*1\r\n$0\r\n\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\n",
	}
	stream, between := strings.Join(all, ""), map[int]int{0: 0}
	for i, at := 0, 0; i < len(all); i++ {
		at += len(all[i])
		between[at] = i + 1
	}
	for end := range len(stream) + 1 {
		for reader, r := range readers([]byte(stream[:end])) {
			got, err := commands(r)
			if n, ok := between[end]; ok {
				require.Equal(t, io.EOF, err, "%s, %q", reader, stream[:end])
				require.Len(t, got, n)
			} else {
				require.Equal(t, io.ErrUnexpectedEOF, err, "%s, %q", reader, stream[:end])
			}
		}
	}
}

func TestReadRefusesWhatRedisRefuses(t *testing.T) {
	for _, stream := range []string{
		"*\r\n", "*x\r\n", "*+1\r\n", "*01\r\n", "*-0\r\n", "*-2\r\n", "*1 \r\n", "*1\n", "*1\r\r\n", "*2147483648\r\n", "*99999999999999999999\r\n",
		"*1\r\n+PING\r\n", "*1\r\n:1\r\n", "*1\r\n*1\r\n", "*1\r\nPING\r\n", "*1\r\n\r\n",
		"*1\r\n$\r\n", "*1\r\n$x\r\n", "*1\r\n$+4\r\nPING\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n$4\nPING\r\n", "*1\r\n$-1\r\n", "*1\r\n$536870913\r\n",
		"*1\r\n$4\r\nPINGx\r\n", "*1\r\n$4\r\nPING\n\n", "*1\r\n$3\r\nPING\r\n",
		"GET " + strings.Repeat("k", 64<<10) + "\r\n", strings.Repeat("k", 1<<20),
	} {
		for reader, r := range readers([]byte(stream)) {
			got, err := commands(r)
			require.ErrorIs(t, err, wire.ErrProtocol, "%s, %.40q", reader, stream)
			require.Empty(t, got)
		}
	}
}

func TestReadTakesTheLongestInlineCommandAndNoLongerOne(t *testing.T) {
	longest := "GET " + strings.Repeat("k", 64<<10-len("GET \r\n")) + "\r\n"
	for reader, r := range readers([]byte(longest + "x" + longest)) {
		got, err := commands(r)
		require.ErrorIs(t, err, wire.ErrProtocol, reader)
		require.Len(t, got, 1, reader)
	}
}

func TestALengthThatLiesIsTakenButCostsNoMemory(t *testing.T) {
	for _, stream := range []string{"*1\r\n$536870912\r\nabc", "*2147483647\r\n$3\r\nabc\r\n", "*2147483647\r\n$536870912\r\n"} {
		used := allocated(func() {
			_, err := commands(bufio.NewReader(strings.NewReader(stream)))
			require.Equal(t, io.ErrUnexpectedEOF, err)
		})
		require.Less(t, used, uint64(4<<20), "%q", stream)
	}
}

func TestReadUsesItsMemoryAgain(t *testing.T) {
	stream := wire.AppendCommand(nil, "SET", "key", strings.Repeat("v", 100))
	var c wire.Command
	source := bytes.NewReader(stream)
	r := bufio.NewReader(source)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		source.Reset(stream)
		r.Reset(source)
		if c.Read(r) != nil || len(c.Args) != 3 {
			panic("not read")
		}
	}))
}

func TestReadLeavesNothingOfTheCommandBefore(t *testing.T) {
	var c wire.Command
	r := bufio.NewReader(strings.NewReader("SET key value\r\n*1\r\n$4\r\nPING\r\n\r\n*1\r\n$9\r\n"))
	require.NoError(t, c.Read(r))
	require.NoError(t, c.Read(r))
	require.Equal(t, [][]byte{[]byte("PING")}, c.Args)
	require.NoError(t, c.Read(r))
	require.Empty(t, c.Args)
	require.Equal(t, "\r\n", string(c.Raw))
	require.Error(t, c.Read(r))
	require.Empty(t, c.Args)
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{
		"", "PING\r\n", "\r\n", "*0\r\n", "*-1\r\nPING\n", "*1\r\n$4\r\nPING\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$0\r\n\r\n",
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n\r\n\r\n", "*1\r\n$536870912\r\nx", "*2147483647\r\n$1\r\nx\r\n", "*1\r\n$-1\r\n", "*1\r\r\n", "SET k \"a b\"\n*01\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		var want []command
		var wantErr error
		for rest := string(stream); ; {
			args, next, err := referenceCommand(rest)
			if wantErr = err; err != nil {
				break
			}
			want = append(want, command{rest[:len(rest)-len(next)], args})
			rest = next
		}
		for reader, r := range readers(stream) {
			got, err := commands(r)
			require.Equal(t, wantErr, kindOf(err), reader)
			require.Equal(t, want, got, reader)
		}
		for _, c := range want {
			if c.raw[0] == '*' && len(c.args) > 0 {
				require.Equal(t, c.raw, string(wire.AppendCommand(nil, c.args...)))
			}
		}
	})
}

func everyByte() string {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return string(all)
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
