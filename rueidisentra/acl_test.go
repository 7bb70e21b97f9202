package rueidisentra_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth/reauth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

func TestAUserWhoMayNotPingIsKeptAuthenticated(t *testing.T) {
	entra := testutil.NewEntra(t, nil)
	entra.SetLifetime(2 * time.Second)
	redis := testutil.NewRedisServer(t, entra, &testutil.RedisServerOptions{ACL: []string{"~*", "&*", "+@all", "-ping"}})
	var logged bytes.Buffer
	var mu sync.Mutex
	var events []reauth.Event
	option := redis.ClientOption()
	option.PipelineMultiplex = -1
	client, err := rueidisentra.NewClient(option, tokenSource(t, entra), &rueidisentra.Options{
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		OnReauth: func(e reauth.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		},
	})
	require.NoError(t, err)
	defer client.Close()
	begun := time.Now()
	for n := 0; time.Since(begun) < 6*time.Second; n++ {
		value := fmt.Sprint(n)
		require.NoError(t, client.Do(t.Context(), client.B().Set().Key("k").Value(value).Build()).Error())
		got, err := client.Do(t.Context(), client.B().Get().Key("k").Build()).ToString()
		require.NoError(t, err)
		require.Equal(t, value, got)
	}
	require.Equal(t, 1, redis.Stats().Opened)
	require.Empty(t, logged.String())
	mu.Lock()
	defer mu.Unlock()
	require.GreaterOrEqual(t, len(events), 4)
	for _, e := range events {
		require.NoError(t, e.Err)
		require.NotNil(t, e.Addr)
		require.Positive(t, e.Took)
		require.True(t, e.ExpiresAt.After(begun))
	}
}
