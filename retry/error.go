package retry

import (
	"fmt"
	"strings"
	"time"
)

// Error says that an operation was given up: its attempts or its time were used up, or ctx ended. An
// operation whose error is Permanent is not given up; that error comes back as it is.
type Error struct {
	Attempts int           // how often the operation has run
	Elapsed  time.Duration // since the beginning of the first attempt
	Class    Class         // of Err
	Err      error         // what the last attempt returned; nil: there was none
	Ended    error         // why ctx ended, its cause included; nil: MaxAttempts or MaxElapsed are used up
	Refresh  error         // of the last Refresh; nil: it was good, or not called
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("retry: ")
	switch {
	case e.Err == nil:
		fmt.Fprintf(&b, "not tried: %v", e.Ended)
	case e.Ended != nil:
		fmt.Fprintf(&b, "ended after %s: %v; the last error: %v", e.effort(), e.Ended, e.Err)
	default:
		fmt.Fprintf(&b, "gave up after %s: %v", e.effort(), e.Err)
	}
	if e.Refresh != nil {
		fmt.Fprintf(&b, "; Refresh failed: %v", e.Refresh)
	}
	return b.String()
}

func (e *Error) effort() string {
	attempts := "1 attempt"
	if e.Attempts != 1 {
		attempts = fmt.Sprint(e.Attempts, " attempts")
	}
	return attempts + " in " + e.Elapsed.Round(time.Millisecond).String()
}

// Unwrap returns those of Err, Ended and Refresh that there are.
func (e *Error) Unwrap() []error {
	var parts []error
	for _, err := range []error{e.Err, e.Ended, e.Refresh} {
		if err != nil {
			parts = append(parts, err)
		}
	}
	return parts
}
