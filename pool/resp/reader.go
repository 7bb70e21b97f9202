package resp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/redisentra/redisentra/internal/wire"
)

const (
	// bufferSize takes the replies of a pipeline of a hundred small ones at once.
	bufferSize = 16 << 10
	// firstPart is how many bytes, or elements' bytes, are allocated before any has come.
	firstPart = 64 << 10
)

// errTooLarge is the error of what RESP allows and the limits do not.
var errTooLarge = errors.New("the reply is larger than allowed")

// reader reads replies from a stream. Nothing is allocated because a length was announced:
// strings and aggregates grow with what has arrived, to four times that at most.
type reader struct {
	src  io.Reader
	buf  []byte // of a fixed size
	r, w int    // buf[r:w] has been read from src and not parsed yet
	max  int    // Options.MaxReply
	left int    // what of it is left for the reply under way
	long []byte // takes lines of that reply that are longer than buf
}

func newReader(src io.Reader, maxReply int) reader {
	return reader{src: src, buf: make([]byte, bufferSize), max: maxReply}
}

// fill waits for at least one more byte. There must be room in buf, or nothing unparsed.
func (r *reader) fill() error {
	if r.r == r.w {
		r.r, r.w = 0, 0
	} else if r.w == len(r.buf) {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		if n > 0 {
			return nil // the error, if any, comes again
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// line returns the next line without its end. It is valid until the next call of anything.
func (r *reader) line() ([]byte, error) {
	seen := 0
	for {
		if at := bytes.IndexByte(r.buf[r.r+seen:r.w], '\n'); at >= 0 {
			line := r.buf[r.r : r.r+seen+at]
			r.r += len(line) + 1
			return withoutReturn(line)
		}
		seen = r.w - r.r
		if seen == len(r.buf) {
			return r.longLine()
		}
		if err := r.fill(); err != nil {
			if seen > 0 {
				err = midway(err)
			}
			return nil, err
		}
	}
}

// longLine is line where all of buf is the beginning of one.
func (r *reader) longLine() ([]byte, error) {
	line := r.long[:0]
	for {
		at := bytes.IndexByte(r.buf[r.r:r.w], '\n')
		part := r.buf[r.r:r.w]
		if at >= 0 {
			part = part[:at]
		}
		if len(line)+len(part) > maxLine {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", errTooLarge, maxLine)
		}
		line = append(line, part...)
		r.long = line
		r.r += len(part)
		if at >= 0 {
			r.r++
			return withoutReturn(line)
		}
		if err := r.fill(); err != nil {
			return nil, midway(err)
		}
	}
}

// withoutReturn returns a line without the carriage return that it must end with.
func withoutReturn(line []byte) ([]byte, error) {
	if len(line) == 0 || line[len(line)-1] != '\r' {
		return nil, fmt.Errorf("%w: a line feed without a carriage return", wire.ErrProtocol)
	}
	return line[:len(line)-1], nil
}

// bulk returns the next n bytes as a string, and skips the line end behind them.
func (r *reader) bulk(n int) (string, error) {
	if err := r.spend(n); err != nil {
		return "", err
	}
	if n > len(r.buf)-2 {
		return r.longBulk(n)
	}
	for r.w-r.r < n+2 {
		if len(r.buf)-r.r < n+2 {
			r.w = copy(r.buf, r.buf[r.r:r.w])
			r.r = 0
		}
		if err := r.fill(); err != nil {
			return "", midway(err)
		}
	}
	b := r.buf[r.r : r.r+n+2]
	if b[n] != '\r' || b[n+1] != '\n' {
		return "", errLongerThanSaid
	}
	r.r += n + 2
	return string(b[:n]), nil
}

var errLongerThanSaid = fmt.Errorf("%w: a string that is longer than its length", wire.ErrProtocol)

// longBulk is bulk for what does not fit into buf: it is read to where it stays.
func (r *reader) longBulk(n int) (string, error) {
	var b []byte
	for have := 0; have < n+2; {
		grown := make([]byte, grow(n+2, have, firstPart))
		copy(grown, b)
		b = grown
		if r.r < r.w {
			m := copy(b[have:], r.buf[r.r:r.w])
			r.r += m
			have += m
		}
		if have < len(b) {
			m, err := io.ReadFull(r.src, b[have:])
			if err != nil {
				return "", midway(err)
			}
			have += m
		}
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return "", errLongerThanSaid
	}
	return unsafe.String(&b[0], n), nil // as strings.Builder does; b is not used any more
}

// grow returns how much to allocate of what will be n in the end and more than have now: n itself, or a quarter
// of it, or a quarter of that. As each step is four times the one before, all together take
// n and a third.
func grow(n, have, first int) int {
	size := n
	for size > first && size/4 > have {
		size /= 4
	}
	return size
}

// spend takes n bytes of what the reply under way may still take.
func (r *reader) spend(n int) error {
	if r.left -= n; r.left < 0 {
		return fmt.Errorf("%w by Options.MaxReply, %d bytes", errTooLarge, r.max)
	}
	return nil
}

// midway turns the end of a stream inside of a reply into an error.
func midway(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
