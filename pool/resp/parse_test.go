package resp_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
	"github.com/redisentra/redisentra/pool/resp"
)

// replies are one at least of each type, with what Go has for it.
var replies = []struct {
	stream string
	kind   resp.Kind
	want   any
	prints string
}{
	{"+OK\r\n", resp.KindStatus, "OK", "OK"},
	{"+\r\n", resp.KindStatus, "", ""},
	{"+a\rb\r\n", resp.KindStatus, "a\rb", "a\rb"},
	{"$5\r\nhello\r\n", resp.KindString, "hello", "hello"},
	{"$0\r\n\r\n", resp.KindString, "", ""},
	{"$4\r\n\r\n\r\n\r\n", resp.KindString, "\r\n\r\n", "\r\n\r\n"},
	{"=8\r\ntxt:text\r\n", resp.KindVerbatim, "text", "text"},
	{"$-1\r\n", resp.KindNull, nil, "<nil>"},
	{"*-1\r\n", resp.KindNull, nil, "<nil>"},
	{"_\r\n", resp.KindNull, nil, "<nil>"},
	{":-42\r\n", resp.KindInteger, int64(-42), "-42"},
	{":9223372036854775807\r\n", resp.KindInteger, int64(math.MaxInt64), "9223372036854775807"},
	{":-9223372036854775808\r\n", resp.KindInteger, int64(math.MinInt64), "-9223372036854775808"},
	{",3.25\r\n", resp.KindDouble, 3.25, "3.25"},
	{",-1e-7\r\n", resp.KindDouble, -1e-7, "-1e-07"},
	{",inf\r\n", resp.KindDouble, math.Inf(1), "+Inf"},
	{",-inf\r\n", resp.KindDouble, math.Inf(-1), "-Inf"},
	{"#t\r\n", resp.KindBoolean, true, "true"},
	{"#f\r\n", resp.KindBoolean, false, "false"},
	{"(12345678901234567890\r\n", resp.KindBigNumber, new(big.Int).SetUint64(12345678901234567890), "12345678901234567890"},
	{"(-1\r\n", resp.KindBigNumber, big.NewInt(-1), "-1"},
	{"*2\r\n$1\r\na\r\n:1\r\n", resp.KindArray, []any{"a", int64(1)}, "[a 1]"},
	{"*0\r\n", resp.KindArray, []any{}, "[]"},
	{"*3\r\n$-1\r\n_\r\n*1\r\n*0\r\n", resp.KindArray, []any{nil, nil, []any{[]any{}}}, "[<nil> <nil> [[]]]"},
	{"~2\r\n+a\r\n#f\r\n", resp.KindSet, []any{"a", false}, "[a false]"},
	{"%2\r\n+a\r\n:1\r\n+b\r\n_\r\n", resp.KindMap, map[any]any{"a": int64(1), "b": nil}, "map[a:1 b:<nil>]"},
	{"%1\r\n:2\r\n#t\r\n", resp.KindMap, map[any]any{int64(2): true}, "map[2:true]"},
	{"%1\r\n*1\r\n+k\r\n+v\r\n", resp.KindMap, [][2]any{{[]any{"k"}, "v"}}, "[[[k] v]]"},
	{"%1\r\n(5\r\n+v\r\n", resp.KindMap, [][2]any{{big.NewInt(5), "v"}}, "[[5 v]]"},
	{"%0\r\n", resp.KindMap, map[any]any{}, "map[]"},
	{">2\r\n+invalidate\r\n*1\r\n+k\r\n", resp.KindPush, []any{"invalidate", []any{"k"}}, "[invalidate [k]]"},
	{"|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n", resp.KindString, "v", "v"},
	{"|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n*1\r\n:3\r\n", resp.KindArray, []any{int64(3)}, "[3]"},
	{"*1\r\n|1\r\n+ttl\r\n:3600\r\n+v\r\n", resp.KindArray, []any{"v"}, "[v]"},
	{"%-1\r\n", resp.KindNull, nil, "<nil>"},
	{"+" + strings.Repeat("x", 200_000) + "\r\n", resp.KindStatus, strings.Repeat("x", 200_000), strings.Repeat("x", 200_000)},
	{"$16382\r\n" + strings.Repeat("v", 16382) + "\r\n", resp.KindString, strings.Repeat("v", 16382), strings.Repeat("v", 16382)},
	{"$300001\r\n" + strings.Repeat("v", 300_001) + "\r\n", resp.KindString, strings.Repeat("v", 300_001), strings.Repeat("v", 300_001)},
}

// parse parses a stream that must be one reply.
func parse(t testing.TB, stream string) resp.Value {
	t.Helper()
	v, ahead, err := resp.Parse(strings.NewReader(stream), resp.MaxReply)
	require.NoError(t, err, "%.100q", stream)
	require.Zero(t, ahead)
	return v
}

// readers are ways to read a stream that must not make a difference.
func readers(stream string) map[string]io.Reader {
	return map[string]io.Reader{
		"at once":      strings.NewReader(stream),
		"byte by byte": iotest.OneByteReader(strings.NewReader(stream)),
		"by halves":    iotest.HalfReader(strings.NewReader(stream)),
		"error early":  iotest.DataErrReader(strings.NewReader(stream)),
	}
}

func TestEachTypeBecomesAValue(t *testing.T) {
	for _, tt := range replies {
		for how, r := range readers(tt.stream) {
			v, ahead, err := resp.Parse(r, resp.MaxReply)
			require.NoError(t, err, "%s: %.100q", how, tt.stream)
			require.Zero(t, ahead)
			require.Equal(t, tt.kind, v.Kind())
			require.Equal(t, tt.want, v.Any())
			require.Equal(t, tt.prints, v.String())
			require.NoError(t, v.Err())
		}
	}
	for _, stream := range []string{",nan\r\n", ",-nan\r\n"} {
		f, err := parse(t, stream).Float64()
		require.NoError(t, err)
		require.True(t, math.IsNaN(f))
	}
	for stream, message := range map[string]string{"-WRONGPASS no\r\n": "WRONGPASS no", "!8\r\nERR a\r\nb\r\n": "ERR a\r\nb"} {
		var e *resp.Error
		require.ErrorAs(t, parse(t, stream).Err(), &e)
		require.Equal(t, message, e.Error())
		require.Equal(t, message, parse(t, stream).String())
		require.Equal(t, strings.Fields(message)[0], e.Prefix())
	}
	require.Equal(t, "txt", parse(t, "=4\r\ntxt:\r\n").VerbatimFormat())
}

func TestAttributesStayWithTheirValue(t *testing.T) {
	v := parse(t, "*2\r\n|1\r\n+ttl\r\n:3600\r\n+v\r\n+w\r\n")
	elems, err := v.Array()
	require.NoError(t, err)
	require.Equal(t, map[any]any{"ttl": int64(3600)}, elems[0].Attributes().Any())
	require.True(t, elems[1].Attributes().IsNull())
	require.True(t, v.Attributes().IsNull())
}

func TestAReplyThatIsCutOffIsNone(t *testing.T) {
	for _, tt := range replies {
		for end := range min(len(tt.stream), 1000) {
			_, _, err := resp.Parse(strings.NewReader(tt.stream[:end]), resp.MaxReply)
			if end == 0 {
				require.Equal(t, io.EOF, err)
			} else {
				require.Equal(t, io.ErrUnexpectedEOF, err, "%q", tt.stream[:end])
			}
		}
	}
}

func TestWhatIsNotRESPIsRefused(t *testing.T) {
	for _, stream := range []string{
		"\r\n", "\n", "OK\r\n", " +OK\r\n", "?\r\n", "+OK\n", "_\n", ":1\n", "*0\n", "+a\n+b\r\n", "HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x01\x00\x02\x02\x16\n",
		"$\r\n", "$x\r\n", "$+1\r\n", "$01\r\na\r\n", "$-2\r\n", "$-0\r\n", "$1\n", "$99999999999999999999\r\n", "$?\r\n", "$1_0\r\n", "$1\rx\n",
		"*\r\n", "*x\r\n", "*-2\r\n", "*2147483648\r\n", "*?\r\n", "%x\r\n", "~x\r\n", ">x\r\n", ">-1\r\n", "|x\r\n", "|-1\r\n", "!x\r\n", "!-1\r\n", "=x\r\n", "=-1\r\n", "=3\r\ntxt\r\n", "=5\r\ntxt.x\r\n",
		"$1\r\nab\r\n", "$2\r\na\r\n\r\n", "$1\r\na\n\n", "*2\r\n+a\r\nb\r\n", "%1\r\n+k\r\n$1\r\nvv\r\n", "|1\r\n+k\r\n+v\r\nx\r\n",
		":\r\n", ":x\r\n", ":1.5\r\n", ":9223372036854775808\r\n", ":-9223372036854775809\r\n", ":99999999999999999999\r\n", ":-\r\n",
		",\r\n", ",x\r\n", ",0x1p3\r\n", ",1_0\r\n", ",infinity\r\n", ",1e999\r\n", "#\r\n", "#true\r\n", "#x\r\n", "_x\r\n", "(\r\n", "(x\r\n", "(-\r\n", "(1.5\r\n",
		"$20000\r\n" + strings.Repeat("x", 20_000) + "y\n",
	} {
		for how, r := range readers(stream + strings.Repeat("\r\n", 8)) {
			_, _, err := resp.Parse(r, resp.MaxReply)
			require.ErrorIs(t, err, wire.ErrProtocol, "%s: %.100q", how, stream)
		}
	}
}

// encode is the inverse of parsing.
func encode(dst []byte, v resp.Value) []byte {
	if a := v.Attributes(); !a.IsNull() {
		at := len(dst)
		dst = encode(dst, a)
		dst[at] = '|'
	}
	aggregate := func(first byte, n int, elems ...resp.Value) []byte {
		dst = append(dst, first)
		dst = append(strconv.AppendInt(dst, int64(n), 10), "\r\n"...)
		for _, e := range elems {
			dst = encode(dst, e)
		}
		return dst
	}
	bulk := func(first byte, s string) []byte {
		dst = append(dst, first)
		dst = append(strconv.AppendInt(dst, int64(len(s)), 10), "\r\n"...)
		return append(append(dst, s...), "\r\n"...)
	}
	elems, _ := v.Array()
	text, _ := v.Text()
	switch v.Kind() {
	case resp.KindNull:
		return append(dst, "_\r\n"...)
	case resp.KindStatus:
		return append(append(append(dst, '+'), text...), "\r\n"...)
	case resp.KindString:
		return bulk('$', text)
	case resp.KindVerbatim:
		return bulk('=', v.VerbatimFormat()+":"+text)
	case resp.KindError:
		return append(append(append(dst, '-'), v.Err().Error()...), "\r\n"...)
	case resp.KindBulkError:
		return bulk('!', v.Err().Error())
	case resp.KindInteger:
		return append(append(append(dst, ':'), v.String()...), "\r\n"...)
	case resp.KindBigNumber:
		return append(append(append(dst, '('), v.String()...), "\r\n"...)
	case resp.KindDouble:
		return append(append(append(dst, ','), strings.ToLower(v.String())...), "\r\n"...)
	case resp.KindBoolean:
		return append(append(append(dst, '#'), v.String()[0]), "\r\n"...)
	case resp.KindArray:
		return aggregate('*', len(elems), elems...)
	case resp.KindSet:
		return aggregate('~', len(elems), elems...)
	case resp.KindPush:
		return aggregate('>', len(elems), elems...)
	}
	pairs, _ := v.Pairs()
	for key, value := range pairs {
		elems = append(elems, key, value)
	}
	return aggregate('%', len(elems)/2, elems...)
}

// FuzzReply compares with what package wire, which follows the same streams, takes for one reply.
func FuzzReply(f *testing.F) {
	for _, tt := range replies {
		if len(tt.stream) < 1000 {
			f.Add([]byte(tt.stream))
			f.Add([]byte(tt.stream + tt.stream))
		}
	}
	f.Add([]byte("*2\r\n-ERR a\r\n!5\r\nERR b\r\n"))
	f.Add([]byte("|2147483647\r\n*2147483647\r\n+a\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		length, wantErr := lengthOfReply(stream)
		var first []byte
		for how, r := range readers(string(stream)) {
			v, ahead, err := resp.Parse(r, resp.MaxReply)
			switch {
			case err == nil:
				require.NoError(t, wantErr, how)
				again := encode(nil, v)
				if first == nil {
					first = again
				}
				require.Equal(t, first, again, how)
				if how == "at once" {
					require.Equal(t, length, len(stream)-ahead)
					require.Equal(t, again, encode(nil, parse(t, string(again))))
				}
				_ = v.String()
			case wantErr == nil: // package wire does not look at numbers, and has other limits
				require.True(t, errors.Is(err, wire.ErrProtocol) || errors.Is(err, resp.ErrTooLarge), "%s: %v", how, err)
			case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
				require.Equal(t, wantErr, err, how)
			}
		}
	})
}

// lengthOfReply returns how many bytes of stream package wire takes for its first reply.
func lengthOfReply(stream []byte) (int, error) {
	raw, err := wire.AppendReply(nil, newBufio(bytes.NewReader(stream)))
	return len(raw), err
}
