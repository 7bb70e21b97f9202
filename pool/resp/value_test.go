package resp_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/pool/resp"
)

func TestAccessorsTakeWhatRESP2HasInstead(t *testing.T) {
	text := func(v resp.Value) (any, error) { return v.Text() }
	integer := func(v resp.Value) (any, error) { return v.Int64() }
	double := func(v resp.Value) (any, error) { return v.Float64() }
	boolean := func(v resp.Value) (any, error) { return v.Bool() }
	bigNumber := func(v resp.Value) (any, error) {
		n, err := v.BigInt()
		return n, err
	}
	keyed := func(v resp.Value) (any, error) {
		m, err := v.Map()
		if err != nil {
			return nil, err
		}
		return fmt.Sprint(m), nil
	}
	for _, tt := range []struct {
		stream string
		access func(resp.Value) (any, error)
		want   any
		err    string // part of it
	}{
		{"+OK\r\n", text, "OK", ""},
		{"=5\r\nmkd:#\r\n", text, "#", ""},
		{":1\r\n", text, nil, "integer and no string"},
		{"_\r\n", text, nil, "null and no string"},
		{":7\r\n", integer, int64(7), ""},
		{"$2\r\n-7\r\n", integer, int64(-7), ""},
		{"(7\r\n", integer, int64(7), ""},
		{"(12345678901234567890\r\n", integer, nil, "big number and no integer of 64 bits"},
		{"$3\r\n1.5\r\n", integer, nil, "bulk string and no integer"},
		{"*0\r\n", integer, nil, "array and no integer"},
		{",1.5\r\n", double, 1.5, ""},
		{":3\r\n", double, 3.0, ""},
		{"$3\r\n1.5\r\n", double, 1.5, ""},
		{"$5\r\n0x1p3\r\n", double, nil, "bulk string and no double"},
		{"#t\r\n", boolean, true, ""},
		{":0\r\n", boolean, false, ""},
		{":2\r\n", boolean, nil, "integer and no boolean"},
		{":5\r\n", bigNumber, big.NewInt(5), ""},
		{"$3\r\n-50\r\n", bigNumber, big.NewInt(-50), ""},
		{"$2\r\nab\r\n", bigNumber, nil, "bulk string and no big number"},
		{"%1\r\n+a\r\n:1\r\n", keyed, "map[a:1]", ""},
		{"*2\r\n+a\r\n:1\r\n", keyed, "map[a:1]", ""},
		{"*1\r\n+a\r\n", keyed, nil, "array and no map"},
		{"~0\r\n", keyed, nil, "set and no map"},
		{"%1\r\n:1\r\n:1\r\n", keyed, nil, "key: resp: the reply is of kind integer"},
		{"-ERR no\r\n", integer, nil, "ERR no"},
		{"!6\r\nERR no\r\n", keyed, nil, "ERR no"},
	} {
		got, err := tt.access(parse(t, tt.stream))
		if tt.err != "" {
			require.ErrorContains(t, err, tt.err, tt.stream)
			continue
		}
		require.NoError(t, err, tt.stream)
		require.Equal(t, tt.want, got, tt.stream)
	}
}

func TestArrayAndPairsKeepTheOrder(t *testing.T) {
	for _, stream := range []string{"*2\r\n:1\r\n:2\r\n", "~2\r\n:1\r\n:2\r\n", ">2\r\n:1\r\n:2\r\n"} {
		elems, err := parse(t, stream).Array()
		require.NoError(t, err)
		require.Equal(t, "[1 2]", fmt.Sprint(elems))
	}
	_, err := parse(t, "%0\r\n").Array()
	require.ErrorContains(t, err, "map and no array")
	pairs, err := parse(t, "%3\r\n+c\r\n:1\r\n+a\r\n:2\r\n+b\r\n:3\r\n").Pairs()
	require.NoError(t, err)
	var got strings.Builder
	for k, v := range pairs {
		fmt.Fprintf(&got, "%v=%v ", k, v)
		if k.String() == "a" {
			break
		}
	}
	require.Equal(t, "c=1 a=2 ", got.String())
}

func TestTheZeroValueIsANull(t *testing.T) {
	var v resp.Value
	require.True(t, v.IsNull())
	require.Nil(t, v.Any())
	require.NoError(t, v.Err())
	require.Equal(t, "<nil>", v.String())
	require.Equal(t, "", v.VerbatimFormat())
	require.Equal(t, "null", v.Kind().String())
	require.Equal(t, "unknown kind", resp.Kind(99).String())
}

func TestAnErrorPrintsAsWhatTheServerSaid(t *testing.T) {
	err := parse(t, "-MOVED 3999 127.0.0.1:6381\r\n").Err()
	require.EqualError(t, err, "MOVED 3999 127.0.0.1:6381")
	require.Implements(t, (*interface{ RedisError() })(nil), err)
	require.Equal(t, "[MOVED 3999 127.0.0.1:6381]", fmt.Sprintf("%v", parse(t, "*1\r\n-MOVED 3999 127.0.0.1:6381\r\n")))
}
