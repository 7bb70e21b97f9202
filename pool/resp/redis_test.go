package resp_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/pool/resp"
	"github.com/redisentra/redisentra/testutil"
)

// newServer starts a redis-server, and returns a principal's name and token for it.
func newServer(t testing.TB, opts *testutil.RedisServerOptions) (s *testutil.RedisServer, username, token string) {
	t.Helper()
	e := testutil.NewEntra(t, nil)
	s = testutil.NewRedisServer(t, e, opts)
	p := e.NewPrincipal()
	return s, p.ObjectID, newToken(t, e, p)
}

func newToken(t testing.TB, e *testutil.Entra, p *testutil.Principal) string {
	t.Helper()
	var cred azcore.TokenCredential
	cred, err := e.ClientSecret(p)
	require.NoError(t, err)
	token, err := cred.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{auth.DefaultScope}})
	require.NoError(t, err)
	return token.Token
}

// login connects and logs in.
func login(t testing.TB, s *testutil.RedisServer, opts resp.Options, username, token string) *resp.Conn {
	t.Helper()
	opts.TLSConfig = s.TLSConfig()
	c, err := resp.Dial(context.Background(), "tcp", s.Addr(), &opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.Auth(context.Background(), username, token))
	return c
}

func TestEachTypeOfARealServer(t *testing.T) {
	s, user, token := newServer(t, &testutil.RedisServerOptions{Args: []string{"--enable-debug-command", "yes"}})
	var pushes []any
	onPush := func(v resp.Value) { pushes = append(pushes, v.Any()) }
	c3 := login(t, s, resp.Options{OnPush: onPush}, user, token)
	c2 := login(t, s, resp.Options{OnPush: onPush, RESP2: true}, user, token)
	const bignum = "1234567999999999999999999999999999999"
	for name, tt := range map[string]struct {
		kind3, kind2 resp.Kind
		print3       string
		print2       string
	}{
		"string":   {resp.KindString, resp.KindString, "Hello World", "Hello World"},
		"integer":  {resp.KindInteger, resp.KindInteger, "12345", "12345"},
		"double":   {resp.KindDouble, resp.KindString, "3.141", "3.141"},
		"null":     {resp.KindNull, resp.KindNull, "<nil>", "<nil>"},
		"array":    {resp.KindArray, resp.KindArray, "[0 1 2]", "[0 1 2]"},
		"set":      {resp.KindSet, resp.KindArray, "[0 1 2]", "[0 1 2]"},
		"map":      {resp.KindMap, resp.KindArray, "map[0:false 1:true 2:false]", "[0 0 1 1 2 0]"},
		"attrib":   {resp.KindString, resp.KindString, "Some real reply following the attribute", "Some real reply following the attribute"},
		"push":     {resp.KindString, resp.KindError, "Some real reply following the push reply", "ERR RESP2 is not supported by this command"},
		"verbatim": {resp.KindVerbatim, resp.KindString, "This is a verbatim\nstring", "This is a verbatim\nstring"},
		"true":     {resp.KindBoolean, resp.KindInteger, "true", "1"},
		"false":    {resp.KindBoolean, resp.KindInteger, "false", "0"},
		"bignum":   {resp.KindBigNumber, resp.KindString, bignum, bignum},
	} {
		for c, want := range map[*resp.Conn]struct {
			kind   resp.Kind
			prints string
		}{c3: {tt.kind3, tt.print3}, c2: {tt.kind2, tt.print2}} {
			replies, err := c.Pipeline(t.Context(), []string{"DEBUG", "PROTOCOL", name})
			require.NoError(t, err, name)
			require.Equal(t, want.prints, replies[0].String(), name)
			require.Equal(t, want.kind, replies[0].Kind(), name)
			if name == "attrib" && c == c3 {
				require.Equal(t, map[any]any{"key-popularity": []any{"key:123", int64(90)}}, replies[0].Attributes().Any())
			}
		}
	}
	require.Equal(t, []any{[]any{"server-cpu-usage", int64(42)}}, pushes)
}

func TestAuthLogsInWithTokensAndAnew(t *testing.T) {
	for name, opts := range map[string]resp.Options{"RESP3": {}, "RESP2": {RESP2: true}} {
		t.Run(name, func(t *testing.T) {
			s, user, token := newServer(t, nil)
			config := s.TLSConfig()
			c := login(t, s, opts, user, token)
			require.NoError(t, c.Auth(t.Context(), user, token))
			err := c.Auth(t.Context(), user, strings.Repeat(token[:50], 2))
			var e *resp.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, "WRONGPASS", e.Prefix())
			require.EqualError(t, err, "WRONGPASS invalid username-password pair or user is disabled.")
			v, err := c.Do(t.Context(), "ACL", "WHOAMI")
			require.NoError(t, err)
			require.Equal(t, user, v.String())
			require.Equal(t, config.ServerName, "", "the caller's is not touched")
			require.Equal(t, testutil.GatewayStats{Opened: 1, Open: 1, Auths: 2, Refused: 1}, s.Stats())
		})
	}
}

// What reauth wraps is a transport like any other.
func TestAConnectionOfPackageReauthCarriesIt(t *testing.T) {
	s, user, token := newServer(t, &testutil.RedisServerOptions{Plaintext: true})
	wrap := reauth.Wrap(reauth.Config{Source: auth.Static(user, token)})
	c := login(t, s, resp.Options{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return wrap(raw), nil
	}}, user, token)
	var cmds [][]string
	for range 1000 {
		cmds = append(cmds, []string{"SET", "k", strings.Repeat("v", 100)})
	}
	replies, err := c.Pipeline(t.Context(), cmds...)
	require.NoError(t, err)
	require.Len(t, replies, len(cmds))
	v, err := c.Do(t.Context(), "STRLEN", "k")
	require.NoError(t, err)
	require.Equal(t, int64(100), v.Any())
}

func TestSubscriptionsAndInvalidationsArePushes(t *testing.T) {
	s, user, token := newServer(t, nil)
	pushes := make(chan string, 10)
	c := login(t, s, resp.Options{OnPush: func(v resp.Value) { pushes <- v.String() }}, user, token)
	other := login(t, s, resp.Options{}, user, token)
	do := func(c *resp.Conn, want string, args ...string) {
		t.Helper()
		v, err := c.Do(t.Context(), args...)
		require.NoError(t, err)
		require.Equal(t, want, v.String())
	}
	do(c, "[subscribe b 2]", "SUBSCRIBE", "a", "b")
	do(c, "[psubscribe p* 3]", "PSUBSCRIBE", "p*")
	do(c, "[ssubscribe s 1]", "SSUBSCRIBE", "s")
	do(c, "PONG", "PING")
	do(other, "1", "PUBLISH", "a", "hello")
	do(other, "1", "PUBLISH", "pattern", "hello")
	do(other, "1", "SPUBLISH", "s", "hello")
	do(c, "[unsubscribe never 2]", "UNSUBSCRIBE", "a", "never")
	do(c, "[sunsubscribe s 0]", "SUNSUBSCRIBE", "s")
	do(c, "OK", "CLIENT", "TRACKING", "ON")
	do(c, "<nil>", "GET", "k")
	do(other, "OK", "SET", "k", "v")
	ctx, cancel := context.WithCancel(t.Context())
	listened := make(chan error)
	go func() { listened <- c.Listen(ctx) }()
	for _, want := range []string{"[message a hello]", "[pmessage p* pattern hello]", "[smessage s hello]", "[invalidate [k]]"} {
		require.Equal(t, want, <-pushes)
	}
	cancel()
	require.ErrorIs(t, <-listened, context.Canceled)
	do(c, "v", "GET", "k")
}

func TestALargePipelineOverTLSStaysInOrder(t *testing.T) {
	s, user, token := newServer(t, nil)
	c := login(t, s, resp.Options{}, user, token)
	value := strings.Repeat("v", 300)
	var cmds [][]string
	for i := range 10_000 {
		cmds = append(cmds, []string{"ECHO", strconv.Itoa(i) + value})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	replies, err := c.Pipeline(ctx, cmds...)
	require.NoError(t, err)
	for i, v := range replies {
		require.Equal(t, cmds[i][1], v.String())
	}
}

func TestLargeValuesComeAndGoWhole(t *testing.T) {
	s, user, token := newServer(t, nil)
	c := login(t, s, resp.Options{}, user, token)
	for _, size := range []int{0, 1, 16381, 16382, 16383, 16384, 16385, 65535, 65536, 65537, 262_144, 8 << 20} {
		value := strings.Repeat("0123456789", size/10+1)[:size]
		_, err := c.Do(t.Context(), "SET", "k", value)
		require.NoError(t, err)
		v, err := c.Do(t.Context(), "GET", "k")
		require.NoError(t, err)
		require.True(t, v.String() == value, size)
	}
}
