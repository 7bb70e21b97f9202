package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
)

// everyReply holds one reply at least of each type, by what it is.
var everyReply = map[string]string{
	"status":                    "+OK\r\n",
	"empty status":              "+\r\n",
	"error":                     "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
	"integer":                   ":-42\r\n",
	"string":                    "$5\r\nhello\r\n",
	"empty string":              "$0\r\n\r\n",
	"string of line ends":       "$6\r\n\r\n\r\n\r\n\r\n",
	"string that looks like it": "$5\r\n+OK\r\n\r\n",
	"null string of RESP2":      "$-1\r\n",
	"array":                     "*2\r\n$1\r\na\r\n:1\r\n",
	"empty array":               "*0\r\n",
	"null array of RESP2":       "*-1\r\n",
	"array with nulls":          "*3\r\n$-1\r\n_\r\n*-1\r\n",
	"nested arrays":             "*2\r\n*2\r\n:1\r\n*1\r\n:2\r\n*0\r\n",
	"null":                      "_\r\n",
	"double":                    ",3.25\r\n",
	"infinity":                  ",-inf\r\n",
	"boolean":                   "#t\r\n",
	"big number":                "(3492890328409238509324850943850943825024385\r\n",
	"long error":                "!21\r\nSYNTAX invalid syntax\r\n",
	"verbatim string":           "=15\r\ntxt:Some string\r\n",
	"map":                       "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
	"empty map":                 "%0\r\n",
	"map of maps":               "%1\r\n%1\r\n+k\r\n+v\r\n%1\r\n+k\r\n~0\r\n",
	"set":                       "~3\r\n+a\r\n#f\r\n,1.5\r\n",
	"push":                      ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n",
	"push in an array":          "*1\r\n>2\r\n+invalidate\r\n*1\r\n+k\r\n",
	"attribute":                 "|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n",
	"empty attribute":           "|0\r\n+OK\r\n",
	"attribute of an attribute": "|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n*1\r\n:3\r\n",
	"attribute in an array":     "*2\r\n|1\r\n+ttl\r\n:3600\r\n+v\r\n+w\r\n",
	"attribute of a map's key":  "%1\r\n|1\r\n+x\r\n:1\r\n+k\r\n+v\r\n",
	"carriage return in status": "+a\rb\r\n",
	"script's long status":      "+" + strings.Repeat("x", 200_000) + "\r\n",
	"string of over a MiB":      "$1048577\r\n" + strings.Repeat("v", 1<<20+1) + "\r\n",
	"array deeper than a stack": strings.Repeat("*1\r\n", 20_000) + ":1\r\n",
	"wide array":                "*20000\r\n" + strings.Repeat("_\r\n", 20_000),
}

// replies reads all replies of r.
func replies(r *bufio.Reader) (all []string, err error) {
	var reply []byte
	for {
		if reply, err = wire.AppendReply(reply[:0], r); err != nil {
			return all, err
		}
		all = append(all, string(reply))
	}
}

func TestAppendReplyReturnsEachTypeWhole(t *testing.T) {
	for name, reply := range everyReply {
		t.Run(name, func(t *testing.T) {
			for reader, r := range readers([]byte(reply + "+next\r\n")) {
				got, err := replies(r)
				require.Equal(t, io.EOF, err, reader)
				require.True(t, slices.Equal([]string{reply, "+next\r\n"}, got), reader)
			}
		})
	}
}

func TestAppendReplyKeepsWhatItAppendsTo(t *testing.T) {
	r := bufio.NewReader(strings.NewReader("+a\r\n$1\r\nb\r\n"))
	got, err := wire.AppendReply([]byte("before "), r)
	require.NoError(t, err)
	got, err = wire.AppendReply(got, r)
	require.NoError(t, err)
	require.Equal(t, "before +a\r\n$1\r\nb\r\n", string(got))
	got, err = wire.AppendReply(got, r)
	require.Equal(t, io.EOF, err)
	require.Equal(t, "before +a\r\n$1\r\nb\r\n", string(got))
}

func TestAppendReplySaysEOFOnlyBetweenReplies(t *testing.T) {
	for name, reply := range everyReply {
		if len(reply) > 1000 {
			continue
		}
		for end := range len(reply) {
			for reader, r := range readers([]byte("+first\r\n" + reply[:end])) {
				got, err := replies(r)
				require.Equal(t, []string{"+first\r\n"}, got)
				if end == 0 {
					require.Equal(t, io.EOF, err, "%s: %s", name, reader)
				} else {
					require.Equal(t, io.ErrUnexpectedEOF, err, "%s: %s, %q", name, reader, reply[:end])
				}
			}
		}
	}
}

func TestAppendReplyRefusesWhatIsNotRESP(t *testing.T) {
	for _, stream := range []string{
		"\r\n", "\n", "OK\r\n", " +OK\r\n", "?\r\n", "+OK\n", "_\n", ":1\n", "*0\n", "+a\n+b\r\n",
		"$\r\n", "$x\r\n", "$+1\r\n", "$01\r\na\r\n", "$-2\r\n", "$1\n", "$536870913\r\n", "$99999999999999999999\r\n", "$?\r\n",
		"*\r\n", "*x\r\n", "*-2\r\n", "*2147483648\r\n", "%x\r\n", "~x\r\n", ">x\r\n", "|x\r\n", "!x\r\n", "=x\r\n",
		"$1\r\nab\r\n", "$2\r\na\r\n\r\n", "$1\r\na\n\n", "!1\r\nab\r\n", "=1\r\nab\r\n",
		"*2\r\n+a\r\nb\r\n", "%1\r\n+k\r\n$1\r\nvv\r\n", "|1\r\n+k\r\n+v\r\nx\r\n", "HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x01\x00\x02\x02\x16\n",
	} {
		for reader, r := range readers([]byte(stream)) {
			got, err := replies(r)
			require.ErrorIs(t, err, wire.ErrProtocol, "%s, %q", reader, stream)
			require.Empty(t, got, "%s, %q", reader, stream)
		}
	}
}

func TestAReplysLengthThatLiesIsTakenButCostsNoMemory(t *testing.T) {
	for _, stream := range []string{
		"$536870912\r\nabc", "=536870912\r\n", "*2147483647\r\n", "%2147483647\r\n+k\r\n",
		strings.Repeat("|2147483647\r\n", 1000), ">1\r\n$536870912\r\n",
	} {
		used := allocated(func() {
			_, err := replies(bufio.NewReader(strings.NewReader(stream)))
			require.Equal(t, io.ErrUnexpectedEOF, err)
		})
		require.Less(t, used, uint64(4<<20), "%.40q", stream)
	}
}

func TestAppendReplyUsesMemoryAgain(t *testing.T) {
	stream := []byte("*2\r\n$5\r\nhello\r\n%1\r\n+k\r\n:1\r\n")
	source := bytes.NewReader(stream)
	r := bufio.NewReader(source)
	var reply []byte
	require.Zero(t, testing.AllocsPerRun(100, func() {
		source.Reset(stream)
		r.Reset(source)
		var err error
		if reply, err = wire.AppendReply(reply[:0], r); err != nil {
			panic(err)
		}
	}))
}

func TestFirstWord(t *testing.T) {
	for reply, word := range map[string]string{
		">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n": "message",
		">2\r\n+invalidate\r\n_\r\n":                     "invalidate",
		"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n":     "subscribe",
		"~1\r\n+a\r\n":          "a",
		"*1\r\n$0\r\n\r\n":      "",
		"*1\r\n$-1\r\n":         "",
		"*0\r\n":                "",
		"*-1\r\n":               "",
		"*1\r\n:1\r\n":          "",
		"*1\r\n*1\r\n+a\r\n":    "",
		"+OK\r\n":               "",
		"$6\r\n+hello\r\n":      "",
		"$0\r\n\r\n":            "",
		"%1\r\n+k\r\n+v\r\n":    "",
		"":                      "",
		"*":                     "",
		"*1\r\n":                "",
		"*1\r\n\r\n":            "",
		"*1\r\n$9\r\nshort":     "",
		"*1\r\n$x\r\nshort\r\n": "",
	} {
		require.Equal(t, word, string(wire.FirstWord([]byte(reply))), "%q", reply)
	}
}

func FuzzReply(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(everyReply)) {
		if reply := everyReply[name]; len(reply) < 1000 {
			f.Add([]byte(reply))
			f.Add([]byte("+first\r\n" + reply + reply[:len(reply)/2]))
		}
	}
	f.Add([]byte("|2147483647\r\n|2147483647\r\n+a\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var want []string
		var wantErr error
		for rest := string(stream); ; {
			next, err := referenceReply(rest)
			if wantErr = err; err != nil {
				break
			}
			want = append(want, rest[:len(rest)-len(next)])
			rest = next
		}
		for reader, r := range readers(stream) {
			got, err := replies(r)
			require.Equal(t, wantErr, kindOf(err), reader)
			require.Equal(t, want, got, reader)
		}
		for _, reply := range want {
			word := wire.FirstWord([]byte(reply))
			require.Contains(t, reply, string(word))
		}
		wire.FirstWord(stream) // anything at all, without a panic
	})
}
