package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// AppendReply appends to dst the next reply of r, whole: of an aggregate all its
// elements, of an attribute the reply that it goes with as well. The error is
// io.EOF only between two replies.
func AppendReply(dst []byte, r *bufio.Reader) ([]byte, error) {
	begin := len(dst)
	for open := int64(1); open > 0; open-- {
		at := len(dst)
		var err error
		if dst, err = appendLine(dst, r, maxBulk); err != nil { // a script may return any status
			if at > begin {
				err = midway(err)
			}
			return dst, err
		}
		line := dst[at:]
		if !bytes.HasSuffix(line, []byte("\r\n")) {
			return dst, fmt.Errorf("%w: a line feed without a carriage return", ErrProtocol)
		}
		switch line[0] {
		case '+', '-', ':', '_', ',', '#', '(':
		case '$', '!', '=':
			n, err := length(line[1:], maxBulk)
			if err != nil {
				return dst, err
			}
			if n >= 0 {
				if dst, err = appendN(dst, r, n+2); err != nil {
					return dst, midway(err)
				}
			}
		case '*', '~', '>', '%', '|':
			n, err := length(line[1:], maxArray)
			if err != nil {
				return dst, err
			}
			elements := max(int64(n), 0)
			switch line[0] {
			case '%':
				elements *= 2
			case '|':
				elements = 2*elements + 1
			}
			open += elements
		default:
			return dst, fmt.Errorf("%w: a reply begins with %q", ErrProtocol, line[0])
		}
	}
	return dst, nil
}

// FirstWord returns the first element of an array, a set or a push when that is a
// string, and nil otherwise: what kind of push it is.
func FirstWord(reply []byte) []byte {
	if len(reply) == 0 || bytes.IndexByte([]byte("*~>"), reply[0]) < 0 {
		return nil
	}
	_, rest, _ := bytes.Cut(reply, []byte("\r\n"))
	line, rest, _ := bytes.Cut(rest, []byte("\r\n"))
	switch {
	case len(line) == 0:
	case line[0] == '+':
		return line[1:]
	case line[0] == '$':
		if n, err := strconv.Atoi(string(line[1:])); err == nil && 0 <= n && n <= len(rest) {
			return rest[:n]
		}
	}
	return nil
}

// appendLine appends to dst the next line of r, of at most limit bytes, with its line feed.
func appendLine(dst []byte, r *bufio.Reader, limit int) ([]byte, error) {
	begin := len(dst)
	for {
		part, err := r.ReadSlice('\n')
		dst = append(dst, part...)
		switch {
		case len(dst)-begin > limit:
			return dst, fmt.Errorf("%w: a line of more than %d bytes", ErrProtocol, limit)
		case err == nil:
			return dst, nil
		case err != bufio.ErrBufferFull:
			if len(dst) > begin {
				err = midway(err)
			}
			return dst, err
		}
	}
}

// appendN appends to dst the next n bytes of r, which must end a line. It grows
// dst as the bytes come, so that a length that lies costs no memory.
func appendN(dst []byte, r *bufio.Reader, n int) ([]byte, error) {
	for n > 0 {
		part := min(n, max(1<<20, len(dst)))
		at := len(dst)
		dst = slices.Grow(dst, part)[:at+part]
		m, err := io.ReadFull(r, dst[at:])
		if err != nil {
			return dst[:at+m], err
		}
		n -= part
	}
	if !bytes.HasSuffix(dst, []byte("\r\n")) {
		return dst, fmt.Errorf("%w: a string that is longer than its length", ErrProtocol)
	}
	return dst, nil
}

// length reads the number that line is, written as Redis writes it; -1 is a null.
func length(line []byte, limit int) (int, error) {
	digits, ok := bytes.CutSuffix(line, []byte("\r\n"))
	n, err := strconv.Atoi(string(digits))
	var as [20]byte
	if !ok || err != nil || n < -1 || n > limit || !bytes.Equal(digits, strconv.AppendInt(as[:0], int64(n), 10)) {
		return 0, fmt.Errorf("%w: a length that is no number from -1 to %d", ErrProtocol, limit)
	}
	return n, nil
}

// midway turns the end of a stream inside a value into an error.
func midway(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
