package contenders_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9/auth"
	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
	"github.com/redisentra/redisentra/benchmarks/contenders"
)

// listener keeps the last password that it was told.
type listener struct{ last atomic.Value }

func (l *listener) OnNext(c goredis.Credentials) {
	_, password := c.BasicAuth()
	l.last.Store(password)
}

func (l *listener) OnError(error) {}

// A connection of go-redis that is opened just when there is a new token is not left on the old one.
func TestAListenerMissesNoRotationWhileItSubscribes(t *testing.T) {
	var f contenders.Feed
	var rotated atomic.Bool
	told := make(chan struct{})
	f = contenders.NewFeed(auth.SourceFunc(func(context.Context) (auth.Credentials, error) {
		if rotated.Swap(true) {
			return auth.Credentials{Username: "u", Password: "new"}, nil
		}
		go func() { // the rotation, just after this answer was found
			defer close(told)
			f.Tell()
		}()
		select {
		case <-told: // nothing has held it up
		case <-time.After(50 * time.Millisecond):
		}
		return auth.Credentials{Username: "u", Password: "old"}, nil
	}))
	l := new(listener)
	creds, unsubscribe, err := f.Subscribe(l)
	require.NoError(t, err)
	_, password := creds.BasicAuth()
	require.Equal(t, "old", password)
	<-told
	require.Equal(t, "new", l.last.Load())

	require.NoError(t, unsubscribe())
	l.last.Store("nothing")
	f.Tell()
	require.Equal(t, "nothing", l.last.Load())
}
