package resp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
	"github.com/redisentra/redisentra/pool/resp"
)

// endless repeats a string for ever, or as many times as there are left, behind a head.
type endless struct {
	head, body string
	left, at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for n < len(p) && e.left > 0 {
		m := copy(p[n:], e.body[e.at:])
		n += m
		if e.at += m; e.at == len(e.body) {
			e.at = 0
			e.left--
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// allocated returns how many bytes f allocates, which is more than it ever holds at once.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestAHostileReplyTakesLessThan64MiB(t *testing.T) {
	const many = 1 << 30
	worst := uint64(0)
	for name, e := range map[string]*endless{
		"string that is announced only": {head: "$536870912\r\n"},
		"string of the greatest length": {head: "$33554432\r\n", body: strings.Repeat("x", 1<<10), left: many},
		"string that is cut off":        {head: "$33554432\r\n", body: strings.Repeat("x", 1<<10), left: 8200},
		"verbatim string":               {head: "=33554432\r\ntxt:", body: strings.Repeat("x", 1<<10), left: many},
		"array that is announced only":  {head: "*2147483647\r\n"},
		"array of millions":             {head: "*524288\r\n", body: "_\r\n", left: many},
		"array of half of them":         {head: "*524288\r\n", body: "_\r\n", left: 131073},
		"array of short strings":        {head: "*400000\r\n", body: "$2\r\nab\r\n", left: many},
		"array of big numbers":          {head: "*400000\r\n", body: "(" + strings.Repeat("9", 15) + "\r\n", left: many},
		"array of statuses":             {head: "*300000\r\n", body: "+0123456789012345678901234567890123\r\n", left: many},
		"array of arrays":               {head: "*2000\r\n", body: "*200\r\n" + strings.Repeat("_\r\n", 200), left: many},
		"array of large arrays":         {head: "*3\r\n", body: "*131073\r\n" + strings.Repeat("_\r\n", 131073), left: many},
		"map of maps":                   {head: "%200000\r\n", body: "%0\r\n", left: many},
		"attributes everywhere":         {head: "*100000\r\n", body: "|1\r\n_\r\n_\r\n_\r\n", left: many},
		"arrays within arrays":          {body: "*1\r\n", left: many},
		"large arrays within arrays":    {body: "*4000\r\n", left: many},
		"attributes of attributes":      {body: "|0\r\n", left: many},
		"attributes within attributes":  {body: "|1\r\n", left: many},
		"line without an end":           {head: "+", body: "x", left: many},
		"error without an end":          {head: "-", body: "ERR ", left: many},
		"number without an end":         {head: ":", body: "1", left: many},
		"length without an end":         {head: "*", body: "0", left: many},
		"long lines":                    {head: "*1000\r\n", body: "+" + strings.Repeat("x", 1<<20-10) + "\r\n", left: many},
		"carriage returns":              {head: "+", body: "\r", left: many},
	} {
		t.Run(name, func(t *testing.T) {
			used := allocated(func() {
				_, _, err := resp.Parse(e, resp.MaxReply)
				require.True(t, err == nil || errors.Is(err, wire.ErrProtocol) || errors.Is(err, resp.ErrTooLarge) || errors.Is(err, io.ErrUnexpectedEOF), err)
			})
			worst = max(worst, used)
			require.Less(t, used, uint64(64<<20))
		})
	}
	t.Logf("at most %.1f MiB were allocated", float64(worst)/(1<<20))
}

func TestALengthThatLiesCostsNoMemory(t *testing.T) {
	for _, stream := range []string{"$33554432\r\nabc", "*500000\r\n", "%200000\r\n+k\r\n", ">1\r\n$30000000\r\n", strings.Repeat("*4000\r\n", 100)} {
		used := allocated(func() {
			_, _, err := resp.Parse(strings.NewReader(stream), resp.MaxReply)
			require.Equal(t, io.ErrUnexpectedEOF, err)
		})
		require.Less(t, used, uint64(8<<20), "%.20q", stream)
	}
}

func TestAReplyMayTakeWhatMaxReplySays(t *testing.T) {
	for stream, takes := range map[string]int{
		"$5\r\nhello\r\n": 5, "+hello\r\n": 5, "*2\r\n_\r\n_\r\n": 128, "%1\r\n_\r\n$3\r\nabc\r\n": 131, "*1\r\n*1\r\n_\r\n": 128, "!3\r\nERR\r\n": 3,
	} {
		_, _, err := resp.Parse(strings.NewReader(stream), takes)
		require.NoError(t, err, stream)
		_, _, err = resp.Parse(strings.NewReader(stream), takes-1)
		require.ErrorIs(t, err, resp.ErrTooLarge, stream)
		require.ErrorContains(t, err, "Options.MaxReply")
	}
}

// stub is a connection to a server that says the same whatever it is told.
type stub struct {
	net.Conn
	r io.Reader
}

func (s *stub) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s *stub) Write(p []byte) (int, error) { return len(p), nil }
func (s *stub) Close() error                { return nil }

// FuzzServer lets a server say anything while the client does all it can.
func FuzzServer(f *testing.F) {
	for _, tt := range replies {
		if len(tt.stream) < 1000 {
			f.Add([]byte("%1\r\n+proto\r\n:3\r\n" + tt.stream))
			f.Add([]byte("-NOAUTH a login first\r\n" + tt.stream))
		}
	}
	f.Add([]byte("%0\r\n>3\r\n+subscribe\r\n+a\r\n:1\r\n>3\r\n+subscribe\r\n+b\r\n:2\r\n+OK\r\n+OK\r\n:1\r\n>1\r\n+x\r\n"))
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, r := range readers(string(stream)) {
			c, err := resp.Dial(ctx, "tcp", "x:1", &resp.Options{
				DialContext: over(&stub{r: r}),
				OnPush:      func(v resp.Value) { _ = v.String() },
			})
			if err != nil {
				continue
			}
			_, _ = c.Do(ctx, "SUBSCRIBE", "a", "b")
			_ = c.Auth(ctx, "user", "hunter2hunter2")
			_, _ = c.Do(ctx, "MULTI")
			replies, err := c.Pipeline(ctx, []string{"GET", "a"}, []string{"AUTH", "b"}, []string{"EXEC"})
			require.Equal(t, err == nil, len(replies) == 3)
			_ = c.Listen(ctx)
			require.ErrorIs(t, c.Err(), resp.ErrClosed)
			require.NotContains(t, c.Err().Error(), "hunter2")
		}
	})
}
