package resp_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/internal/wire"
	"github.com/redisentra/redisentra/pool/resp"
)

// The server reads one command, and no further before its reply was read: nothing between it and
// us holds a single byte.
func TestAPipelineMayBeLargerThanAllBuffers(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, tt := range map[string]struct {
		n     int
		value string
	}{"two commands": {2, "v"}, "many small ones": {30_000, "a value of some bytes"}, "some long ones": {60, long}} {
		t.Run(name, func(t *testing.T) {
			c := dialServer(t, resp.Options{}, resp3(echo))
			var cmds [][]string
			for i := range tt.n {
				cmds = append(cmds, []string{"SET", strconv.Itoa(i), tt.value})
			}
			replies, err := c.Pipeline(t.Context(), cmds...)
			require.NoError(t, err)
			require.Len(t, replies, tt.n)
			for i, v := range replies {
				words, err := v.Array()
				require.NoError(t, err)
				key, err := words[1].Int64()
				require.NoError(t, err)
				require.Equal(t, int64(i), key)
				require.Equal(t, len(tt.value), len(words[2].String()))
			}
			_, err = c.Do(t.Context(), "PING")
			require.NoError(t, err)
		})
	}
}

func TestErrorsInAPipelineConcernTheirCommandOnly(t *testing.T) {
	c := dialServer(t, resp.Options{}, resp3(func(args []string) (string, error) {
		if args[0] == "bad" {
			return "-ERR bad\r\n", nil
		}
		return "+" + args[0] + "\r\n", nil
	}))
	replies, err := c.Pipeline(t.Context(), []string{"a"}, []string{"bad"}, []string{"b"})
	require.NoError(t, err)
	require.Equal(t, "[a ERR bad b]", fmt.Sprint(replies))
	require.NoError(t, replies[0].Err())
	require.EqualError(t, replies[1].Err(), "ERR bad")
	replies, err = c.Pipeline(t.Context())
	require.NoError(t, err)
	require.Empty(t, replies)
}

func TestAPipelineThatIsCutOffReturnsWhatCame(t *testing.T) {
	for _, size := range []int{1, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) {
				if n++; n == 4 {
					return "+hal", errors.New("enough")
				}
				return ":" + strconv.Itoa(n) + "\r\n", nil
			}))
			cmd := []string{"SET", strings.Repeat("x", size)}
			replies, err := c.Pipeline(t.Context(), cmd, cmd, cmd, cmd, cmd, cmd)
			require.Error(t, err)
			require.NotErrorIs(t, err, resp.ErrClosed)
			require.Equal(t, "[1 2 3]", fmt.Sprint(replies))
			requireUnusable(t, c)
		})
	}
}

func TestWhatIsNoRESPEndsAPipelineThatIsStillWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dialServer(t, resp.Options{}, resp3(func([]string) (string, error) { return "what?\r\n", nil }))
		cmd := []string{"SET", strings.Repeat("x", 100_000)}
		_, err := c.Pipeline(t.Context(), cmd, cmd, cmd)
		require.ErrorIs(t, err, wire.ErrProtocol)
		requireUnusable(t, c)
	})
}

func TestConnectionsShareNothing(t *testing.T) {
	var wg sync.WaitGroup
	for n := range 8 {
		c := dialServer(t, resp.Options{}, resp3(echo))
		wg.Go(func() {
			for i := range 200 {
				want := fmt.Sprintf("%d-%d", n, i)
				v, err := c.Do(t.Context(), want)
				if err != nil || v.String() != "["+want+"]" {
					t.Error(v, err)
				}
			}
		})
	}
	wg.Wait()
}
