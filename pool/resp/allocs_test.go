package resp_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/pool/resp"
)

// repeated is a server that gives the same answer to whatever is written.
type repeated struct {
	stub
	answer []byte
}

func (r *repeated) Read(p []byte) (int, error) { return copy(p, r.answer), nil }

func TestCommandsAllocateTheirRepliesOnly(t *testing.T) {
	watched, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, tt := range map[string]struct {
		answer string
		want   float64
		args   []string
	}{
		"a string":  {"$20\r\n01234567890123456789\r\n", 1, []string{"GET", "k"}},
		"OK":        {"+OK\r\n", 0, []string{"SET", "k", "v"}},
		"integer":   {":12345\r\n", 0, []string{"INCR", "k"}},
		"double":    {",1.5\r\n", 0, []string{"ZSCORE", "k", "m"}},
		"null":      {"_\r\n", 0, []string{"GET", "k"}},
		"two of it": {"*2\r\n$2\r\nab\r\n$2\r\ncd\r\n", 3, []string{"MGET", "k", "l"}},
	} {
		c, err := resp.Dial(t.Context(), "tcp", "x:1", &resp.Options{RESP2: true, DialContext: over(&repeated{answer: []byte(tt.answer)})})
		require.NoError(t, err)
		for _, ctx := range []context.Context{context.Background(), watched} {
			require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
				if _, err := c.Do(ctx, tt.args...); err != nil {
					t.Fatal(err)
				}
			}), tt.want, name)
		}
	}
}

func TestAPipelineAllocatesItsRepliesAndASlice(t *testing.T) {
	var answer []byte
	var cmds [][]string
	for range 100 {
		answer = append(answer, "$20\r\n01234567890123456789\r\n"...)
		cmds = append(cmds, []string{"GET", "k"})
	}
	near := &repeated{answer: answer}
	c, err := resp.Dial(t.Context(), "tcp", "x:1", &resp.Options{RESP2: true, DialContext: over(near)})
	require.NoError(t, err)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if _, err := c.Pipeline(context.Background(), cmds...); err != nil {
			t.Fatal(err)
		}
	}), 106.0) // 3 of them for the goroutine, as near is no socket
}
