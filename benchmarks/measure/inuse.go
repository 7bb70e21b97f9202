package measure

import (
	"context"
	"runtime"
	"strings"
	"time"
)

// inUse is what this process has in use.
type inUse struct{ bytes, goroutines, timers float64 }

func (a inUse) minus(b inUse) inUse {
	return inUse{a.bytes - b.bytes, a.goroutines - b.goroutines, a.timers - b.timers}
}

func (a inUse) each(n int) inUse {
	return inUse{a.bytes / float64(n), a.goroutines / float64(n), a.timers / float64(n)}
}

// inUseBy returns what n connections have in use that open opens, and closes them.
func inUseBy(ctx context.Context, open opener, t terminus, n int) (inUse, error) {
	before := now(ctx)
	release, err := open(ctx, t, n)
	if err != nil {
		return inUse{}, err
	}
	defer release()
	return now(ctx).minus(before), context.Cause(ctx)
}

// now returns what is in use, once nothing changes any more.
func now(ctx context.Context) inUse {
	quiet, goroutines := 0, runtime.NumGoroutine()
	for t := time.NewTicker(time.Millisecond); quiet < 10 && ctx.Err() == nil; <-t.C {
		n := runtime.NumGoroutine()
		if quiet++; n != goroutines {
			quiet, goroutines = 0, n
		}
	}
	for range 3 { // finalizers, what they free, and the profile, which is that of the last but one
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return inUse{float64(m.HeapAlloc + m.StackInuse), float64(goroutines), timers()}
}

// profileAll makes the heap profile complete until its result is called.
func profileAll() (restore func()) {
	rate := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	return func() { runtime.MemProfileRate = rate }
}

// timers returns how many timers of package time are in the heap profile.
func timers() (n float64) {
	var records []runtime.MemProfileRecord
	for size, ok := 1000, false; !ok; size += 1000 {
		records = make([]runtime.MemProfileRecord, size)
		if size, ok = runtime.MemProfile(records, false); ok {
			records = records[:size]
		}
	}
	for _, r := range records {
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var f runtime.Frame
			if f, more = frames.Next(); f.Function == "time.AfterFunc" || f.Function == "time.NewTimer" || f.Function == "time.NewTicker" {
				n += float64(r.InUseObjects())
				break
			}
			if !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "time.") {
				break // what allocates is nearer
			}
		}
	}
	return n
}
