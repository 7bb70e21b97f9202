package rueidisentra

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// blocking is a command that may block, taken apart. Its args are shared with whoever
// built the command, so nothing here writes to them.
type blocking struct {
	args    []string
	timeout int           // the index of the timeout
	unit    time.Duration // of the timeout
	total   time.Duration // how long the command may block; 0: endlessly
	key     int           // the index of the first key
	ids     int           // the index of the first id of an XREAD; 0: it is none
	count   int           // the index of its COUNT; 0: it has none
}

// parseBlocking takes a command apart. It reports false for commands that do not block,
// and for a timeout that the server would refuse, which it had better do itself. What
// else may be wrong with a command the server says when it sees the first slice.
func parseBlocking(args []string) (blocking, bool) {
	if len(args) < 3 {
		return blocking{}, false
	}
	b := blocking{args: args, unit: time.Second, timeout: len(args) - 1, key: 1}
	switch strings.ToUpper(args[0]) {
	case "BLPOP", "BRPOP", "BZPOPMIN", "BZPOPMAX", "BLMOVE", "BRPOPLPUSH":
	case "BLMPOP", "BZMPOP":
		b.timeout, b.key = 1, 3
	case "XREAD":
		return b.parseStreams(true)
	case "XREADGROUP":
		return b.parseStreams(false)
	default:
		return blocking{}, false
	}
	return b.parseTimeout()
}

// parseStreams finds BLOCK and STREAMS. Like the server it takes options in any order,
// and the last of those that are repeated.
func (b blocking) parseStreams(read bool) (blocking, bool) {
	b.timeout, b.unit = 0, time.Millisecond
	for i := 1; i < len(b.args); i++ {
		switch strings.ToUpper(b.args[i]) {
		case "BLOCK":
			i++
			b.timeout = i
		case "COUNT":
			i++
			b.count = i
		case "CLAIM":
			i++
		case "GROUP":
			i += 2
		case "NOACK":
		case "STREAMS":
			b.key = i + 1
			if n := len(b.args) - b.key; n == 0 || n%2 != 0 || b.timeout == 0 {
				return blocking{}, false
			} else if read {
				b.ids = b.key + n/2
			}
			return b.parseTimeout()
		default:
			return blocking{}, false
		}
	}
	return blocking{}, false
}

// parseTimeout reads the timeout, and is stricter than the server where they differ.
func (b blocking) parseTimeout() (blocking, bool) {
	if b.key >= len(b.args) {
		return blocking{}, false
	}
	var ms float64
	switch s := b.args[b.timeout]; b.unit {
	case time.Second:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || strings.Contains(s, "_") {
			return blocking{}, false
		}
		// The server rounds up. A timeout of 16.001 is 16001 ms, although 16.001*1000 is a little more.
		if ms = math.Ceil(f*1000 - 1e-6); f > 0 {
			ms = max(ms, 1)
		}
	default:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != s {
			return blocking{}, false
		}
		ms = float64(n)
	}
	if !(ms >= 0 && ms < math.MaxInt64/2) { // NaN too
		return blocking{}, false
	}
	b.total = time.Duration(min(ms, math.MaxInt64/1e6)) * time.Millisecond
	return b, true
}

// longerThan reports whether the command may block for longer than most.
func (b blocking) longerThan(most time.Duration) bool { return b.total == 0 || b.total > most }

// next returns how long the next slice may block when elapsed has gone by: at most most,
// which is whole milliseconds, and never nothing, which would be endlessly. It reports
// false once the command's own timeout is over.
func (b blocking) next(elapsed, most time.Duration) (time.Duration, bool) {
	left := b.total - elapsed
	switch {
	case b.total == 0 || left >= most:
		return most, true
	case left <= 0:
		return 0, false
	}
	return (left + time.Millisecond - 1).Truncate(time.Millisecond), true
}

// slice returns the arguments of a command that blocks for d, whole milliseconds.
func (b blocking) slice(d time.Duration) []string {
	args := slices.Clone(b.args)
	if b.unit == time.Second {
		args[b.timeout] = strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
	} else {
		args[b.timeout] = strconv.FormatInt(d.Milliseconds(), 10)
	}
	return args
}

// unresolved returns the indexes of the keys of an XREAD whose id is $, the end of the
// stream at the time of the command.
func (b blocking) unresolved() []int {
	if b.ids == 0 {
		return nil
	}
	var keys []int
	for i := b.ids; i < len(b.args); i++ {
		if b.args[i] == "$" {
			keys = append(keys, i-(b.ids-b.key))
		}
	}
	return keys
}

// resolve sets the id that belongs to the key at index key. It copies the arguments.
func (b *blocking) resolve(key int, id string) {
	b.args = slices.Clone(b.args)
	b.args[key+b.ids-b.key] = id
}

// resolveLasts is for an XREAD that has got nothing in a slice. An id of +, the stream's
// last entry, has then found it empty. From now on it has to mean all that is added: the
// last of what is added between two slices need not be the only one.
func (b *blocking) resolveLasts() {
	if b.ids == 0 || !slices.Contains(b.args[b.ids:], "+") {
		return
	}
	b.args = slices.Clone(b.args)
	for i := b.ids; i < len(b.args); i++ {
		if b.args[i] == "+" {
			b.args[i] = "0-0"
		}
	}
}
