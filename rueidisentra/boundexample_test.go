package rueidisentra_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/redisentra/redisentra/internal/azure"
	"github.com/redisentra/redisentra/rueidisentra"
)

// A worker that waits for jobs, however long the next one is in coming.
func ExampleBoundBlocking() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	redis, source, done := azure.Start(ctx)
	defer done()

	client, err := rueidisentra.NewClient(redis.ClientOption(), source, &rueidisentra.Options{Reauth: rueidisentra.Native})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	jobs := make(chan string)
	go func() {
		defer close(jobs)
		// A minute is the default and right for tokens of an hour; here it is to be seen at work.
		worker := rueidisentra.BoundBlocking(client, 5*time.Millisecond)
		for {
			job, err := worker.Do(ctx, worker.B().Blpop().Key("jobs").Timeout(0).Build()).AsStrSlice()
			if err != nil {
				return // ctx has ended
			}
			jobs <- job[1]
		}
	}()
	for _, job := range []string{"first", "second"} {
		if err := client.Do(ctx, client.B().Rpush().Key("jobs").Element(job).Build()).Error(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(<-jobs)
	}
	cancel()
	<-jobs // closed: the worker has ended
	// Output:
	// first
	// second
}
