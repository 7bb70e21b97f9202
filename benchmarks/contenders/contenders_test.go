package contenders_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/benchmarks/contenders"
	"github.com/redisentra/redisentra/testutil"
)

func TestEachContenderDoesAllThatIsCompared(t *testing.T) {
	t.Parallel()
	entra := testutil.NewEntra(t, nil)
	for through, plaintext := range map[string]bool{"plaintext": true, "TLS": false} {
		server := testutil.NewRedisServer(t, entra, &testutil.RedisServerOptions{Plaintext: plaintext})
		principal := entra.NewPrincipal()
		cred, err := entra.ClientSecret(principal)
		require.NoError(t, err)
		source, err := auth.NewTokenSource(t.Context(), cred, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = source.Close() })
		target := contenders.Target{
			Network: "tcp", Addr: server.Addr(), TLSConfig: server.TLSConfig(), Username: principal.ObjectID, Source: source, Credential: cred,
		}
		if !plaintext {
			target.TLSConfig.ServerName = "localhost"
		}
		for _, c := range append(contenders.InSteadyState(), contenders.RedigoGetToken) {
			t.Run("through="+through+"/client="+c.Name, func(t *testing.T) {
				t.Parallel()
				client, err := c.New(t.Context(), target)
				require.NoError(t, err)
				defer client.Close()
				requireAll(t, client, t.Name())
			})
		}
	}
}

// requireAll requires that c can do everything; name is the beginning of all keys.
func requireAll(t *testing.T, c contenders.Client, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.Set(ctx, name+"key", "value"))
	got, err := c.Get(ctx, name+"key")
	require.NoError(t, err)
	require.Equal(t, "value", got)
	require.NoError(t, c.Transact(ctx, name+"counter"))
	require.NoError(t, c.Transact(ctx, name+"counter"))
	got, err = c.Get(ctx, name+"counter")
	require.NoError(t, err)
	require.Equal(t, "2", got)

	require.NoError(t, c.Push(ctx, name+"queue", "item"))
	item, err := c.Pop(ctx, name+"queue", 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, "item", item)
	item, err = c.Pop(ctx, name+"queue", time.Second)
	require.NoError(t, err)
	require.Empty(t, item)

	subscribed, messages, ended := make(chan struct{}), make(chan string, 1), make(chan error, 1)
	listening, stop := context.WithCancel(ctx)
	go func() {
		ended <- c.Subscribe(listening, name+"channel", func() { close(subscribed) }, func(m string) { messages <- m })
	}()
	<-subscribed
	require.NoError(t, c.Publish(ctx, name+"channel", "message"))
	require.Equal(t, "message", <-messages)
	stop()
	require.Error(t, <-ended)
}
