package retry_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/redis/rueidis"

	"github.com/redisentra/redisentra/internal/azure"
	"github.com/redisentra/redisentra/retry"
	"github.com/redisentra/redisentra/rueidisentra"
)

// A SET of a state may happen twice, so it may be tried again: here its connection is lost, and the
// server refuses logins for a while.
func ExampleDo() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()
	client, err := rueidisentra.NewClient(redis.ClientOption(), source, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	policy := retry.Policy{
		Refresh: source.Refresh,
		OnRetry: func(a retry.Attempt) {
			log.Printf("attempt %d: %v: %v", a.Number, a.Class, a.Err)
			redis.SetRefusing(false) // in Azure: the assignment to the cache has taken effect
		},
	}
	redis.SetRefusing(true)
	redis.CloseConnections()
	err = retry.Do(ctx, policy, func(ctx context.Context) error {
		return client.Do(ctx, client.B().Set().Key("state").Value("done").Build()).Error()
	})
	state, _ := redis.Mini.Get("state")
	fmt.Println(state, err)
	// Output: done <nil>
}

// What is permanent is not tried again, and comes back as it is.
func ExampleDoValue() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()
	client, err := rueidisentra.NewClient(redis.ClientOption(), source, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	_, err = retry.DoValue(ctx, retry.Policy{}, func(ctx context.Context) (string, error) {
		return client.Do(ctx, client.B().Get().Key("nobody has set this").Build()).ToString()
	})
	fmt.Println(rueidis.IsRedisNil(err))
	// Output: true
}

// incrOnce increments KEYS[1] once for each KEYS[2], however often it runs, and returns what
// it returned the first time. It remembers that for ARGV[1] seconds, far longer than all
// attempts take.
var incrOnce = rueidis.NewLuaScript(`
local count = redis.call('GET', KEYS[2])
if not count then
	count = redis.call('INCR', KEYS[1])
	redis.call('SET', KEYS[2], count, 'EX', ARGV[1])
end
return tonumber(count)`)

// An INCR that runs again after a lost reply counts twice. A script that remembers that it has run, under an id that is
// made once for all attempts, does not. (In a cluster, both keys must have the same {tag}.)
func ExampleDoValue_exactlyOnce() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()
	client, err := rueidisentra.NewClient(redis.ClientOption(), source, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	id := "{orders}:once:" + rand.Text() // not within the operation
	runs := 0
	count, err := retry.DoValue(ctx, retry.Policy{}, func(ctx context.Context) (int64, error) {
		runs++
		count, err := incrOnce.Exec(ctx, client, []string{"{orders}", id}, []string{"3600"}).AsInt64()
		if runs < 3 {
			return 0, io.ErrUnexpectedEOF // as if the connection were lost before the reply came
		}
		return count, err
	})
	fmt.Println("count:", count, err)
	fmt.Println("runs:", runs)
	// Output:
	// count: 1 <nil>
	// runs: 3
}

// The error of what was given up has the last error, and how often it was tried.
func ExampleError() {
	err := retry.Do(context.Background(), retry.Policy{MaxAttempts: 2, InitialInterval: time.Millisecond}, func(context.Context) error {
		return io.EOF
	})
	var gaveUp *retry.Error
	if errors.As(err, &gaveUp) {
		fmt.Println(gaveUp.Attempts, gaveUp.Class)
	}
	fmt.Println(errors.Is(err, io.EOF))
	// Output:
	// 2 connection lost
	// true
}

// Where a lost connection must not be tried again, as the command might count twice, a refused login may.
func ExampleClassify() {
	careful := retry.Policy{Classify: func(err error) retry.Class {
		if c := retry.Classify(err); c != retry.ConnectionLost {
			return c
		}
		return retry.Permanent
	}}
	runs := 0
	err := retry.Do(context.Background(), careful, func(context.Context) error { runs++; return io.EOF })
	fmt.Println(err, runs)
	// Output: EOF 1
}

// rueidis tries reads again by itself: five times at most here, and not for as long as there is no server.
func ExampleRueidisDelay() {
	ctx := context.Background()
	redis, source, done := azure.Start(ctx)
	defer done()
	option := redis.ClientOption()
	option.RetryDelay = retry.RueidisDelay(retry.Policy{MaxAttempts: 5, InitialInterval: time.Millisecond})
	client, err := rueidisentra.NewClient(option, source, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	redis.Close()
	err = client.Do(ctx, client.B().Get().Key("key").Build()).Error()
	fmt.Println(retry.Classify(err))
	// Output: connection lost
}
