package contenders

import (
	"context"
	"maps"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9/auth"

	"github.com/redisentra/redisentra/auth"
)

// feed is a StreamingCredentialsProvider of go-redis that has the credentials of a source: what somebody on go-redis
// would write around a TokenSource.
type feed struct {
	source auth.Source

	mu        sync.Mutex // guards listeners
	listeners listeners
}

type listeners map[goredis.CredentialsListener]struct{}

// Subscribe implements [goredis.StreamingCredentialsProvider]. It asks the source under the lock, so that nothing newer comes between its
// answer and l, which would never hear of it.
func (f *feed) Subscribe(l goredis.CredentialsListener) (goredis.Credentials, goredis.UnsubscribeFunc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	creds, err := f.source.Credentials(context.Background())
	if err != nil {
		return nil, nil, err
	}
	f.listeners[l] = struct{}{}
	return goredis.NewBasicCredentials(creds.Username, creds.Password), func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.listeners, l)
		return nil
	}, nil
}

// tell hands the source's credentials to all listeners.
func (f *feed) tell() {
	creds, err := f.source.Credentials(context.Background())
	if err != nil {
		return // there will be another time
	}
	f.mu.Lock()
	all := slices.Collect(maps.Keys(f.listeners))
	f.mu.Unlock()
	for _, l := range all {
		l.OnNext(goredis.NewBasicCredentials(creds.Username, creds.Password))
	}
}
