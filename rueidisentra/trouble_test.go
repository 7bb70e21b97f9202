package rueidisentra_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/rueidisentra"
	"github.com/redisentra/redisentra/testutil"
)

func TestTroubleWhileTokensAreValidIsNotNoticed(t *testing.T) {
	const life = 6 * time.Second // so that AUTH is due 2.4 to 1.86 s before the end
	for name, trouble := range map[string]struct {
		begins, lasts time.Duration // before the end of the first token
		source        func(ctx context.Context, over <-chan struct{}, first auth.Credentials) (auth.Credentials, error)
	}{
		"the server refuses tokens": {2400 * time.Millisecond, 1600 * time.Millisecond, nil},
		"the source fails": {3500 * time.Millisecond, 3 * time.Second, func(context.Context, <-chan struct{}, auth.Credentials) (auth.Credentials, error) {
			return auth.Credentials{}, errors.New("down")
		}},
		"the source repeats itself": {3500 * time.Millisecond, 3 * time.Second, func(_ context.Context, _ <-chan struct{}, first auth.Credentials) (auth.Credentials, error) {
			return first, nil
		}},
		"the source blocks": {2600 * time.Millisecond, 2 * time.Second, func(_ context.Context, over <-chan struct{}, first auth.Credentials) (auth.Credentials, error) {
			<-over // whatever ctx says
			return first, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entra := testutil.NewEntra(t, nil)
			entra.SetLifetime(life)
			redis := testutil.NewRedisServer(t, entra, nil)
			tokens := tokenSource(t, entra)
			first, err := tokens.Credentials(t.Context())
			require.NoError(t, err)
			begin := first.ExpiresAt.Add(-trouble.begins)
			end := begin.Add(trouble.lasts)
			over := make(chan struct{})
			defer time.AfterFunc(time.Until(begin), func() { redis.SetRefusing(trouble.source == nil) }).Stop()
			defer time.AfterFunc(time.Until(end), func() { redis.SetRefusing(false); close(over) }).Stop()
			source := auth.SourceFunc(func(ctx context.Context) (auth.Credentials, error) {
				if now := time.Now(); trouble.source != nil && now.After(begin) && now.Before(end) {
					return trouble.source(ctx, over, first)
				}
				return tokens.Credentials(ctx)
			})
			option := redis.ClientOption()
			option.BlockingPoolSize = poolSize
			client, err := rueidisentra.NewClient(option, source, nil)
			require.NoError(t, err)
			t.Cleanup(client.Close)

			w := newWorks(t, client, "{trouble}")
			w.warmUp()
			warm := redis.Stats()
			w.start()
			<-time.After(time.Until(end) + 2*time.Second)
			close(w.enough)
			w.wg.Wait()
			stats := redis.Stats()
			require.Equal(t, warm.Opened, stats.Opened, "connections were opened")
			require.Equal(t, warm.Open, stats.Open)
			require.Zero(t, stats.ClosedOnExpiry)
			require.Equal(t, trouble.source == nil, stats.Refused > 0)
			require.LessOrEqual(t, mostAuths(redis.Auths(), time.Second), 5, "in a second on a connection")
			t.Logf("%d commands, 0 failed, %d connections, %d AUTHs, %d refused", w.commands.Load(), stats.Open, stats.Auths, stats.Refused)
		})
	}
}

// mostAuths returns the greatest number of logins on one connection in any period of that length.
func mostAuths(auths []testutil.Auth, period time.Duration) (most int) {
	recent := map[int][]time.Time{} // by connection
	for _, a := range auths {
		times := append(recent[a.Conn], a.At)
		for a.At.Sub(times[0]) >= period {
			times = times[1:]
		}
		recent[a.Conn] = times
		most = max(most, len(times))
	}
	return most
}
