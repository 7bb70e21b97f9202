package wire

import (
	"bytes"
	"fmt"
	"math"
)

// Incoming measures the replies of a stream that is cut anywhere. The zero value stands
// before a reply.
type Incoming struct {
	first byte  // of the reply under way
	kind  byte  // of the line under way; 0: none
	null  bool  // the number of the line is negative
	full  bool  // the line's number has a carriage return behind it
	count int8  // digits of number so far
	num   int64 // the number of the line under way
	size  int64 // bytes of the string under way and its line end still to come
	open  int64 // replies still to come until the outermost has ended
}

// Between reports whether a reply has just ended, or none has begun.
func (in *Incoming) Between() bool { return in.open == 0 }

// First returns the first byte of the reply that is under way or has just ended; '>' is a push.
func (in *Incoming) First() byte { return in.first }

// Next takes the bytes of p up to the end of the first reply that ends there, or all of
// p, and returns how many that are. The error is ErrProtocol; nothing can be read behind it.
func (in *Incoming) Next(p []byte) (int, error) {
	if in.open == 0 && len(p) > 0 {
		in.first, in.open = p[0], 1
	}
	for i := 0; i < len(p); {
		switch {
		case in.size > 0:
			n := min(in.size, int64(len(p)-i))
			i += int(n)
			if in.size -= n; in.size == 0 {
				in.open--
			}
		case in.kind == 0:
			in.kind, in.null, in.full, in.count, in.num = p[i], false, false, 0, 0
			if bytes.IndexByte([]byte("+-:_,#($!=*~>%|"), p[i]) < 0 {
				return i, fmt.Errorf("%w: a reply begins with %q", ErrProtocol, p[i])
			}
			i++
		case bytes.IndexByte([]byte("+-:_,#("), in.kind) >= 0: // the line is all there is
			end := bytes.IndexByte(p[i:], '\n')
			if end < 0 {
				return len(p), nil
			}
			i += end + 1
			in.kind = 0
			in.open--
		default:
			if err := in.step(p[i]); err != nil {
				return i, err
			}
			i++
		}
		if in.open == 0 {
			return i, nil
		}
	}
	return len(p), nil
}

// step takes a byte of a line that holds a length.
func (in *Incoming) step(c byte) error {
	switch {
	case c-'0' <= 9 && !in.full && in.count < 10:
		in.num = 10*in.num + int64(c-'0')
		in.count++
	case c == '-' && in.count == 0 && !in.null:
		in.null = true
	case c == '\r' && in.count > 0 && !in.full:
		in.full = true
	case c == '\n' && in.full && in.num <= math.MaxInt32:
		in.endLength()
	default:
		return fmt.Errorf("%w: a length holds %q", ErrProtocol, c)
	}
	return nil
}

func (in *Incoming) endLength() {
	kind := in.kind
	in.kind = 0
	if in.null {
		in.num = 0
	}
	switch kind {
	case '$', '!', '=':
		if in.null {
			in.open--
		} else {
			in.size = in.num + 2
		}
		return
	case '%':
		in.num *= 2
	case '|':
		in.num = 2*in.num + 1 // and the reply that it goes with
	}
	in.open += in.num - 1
}
