// Package wire is the RESP grammar without sockets: it appends commands and
// finds the borders of commands and replies in a stream. It does not interpret
// values; whole values are handed on as the bytes they came in.
package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// The limits of redis-server 7.0 itself (networking.c): proto-max-bulk-len, the greatest
// multibulk length, and PROTO_INLINE_MAX_SIZE.
const (
	maxBulk   = 512 << 20
	maxArray  = math.MaxInt32
	maxInline = 64 << 10
)

// ErrProtocol says that a stream holds something that RESP does not allow.
var ErrProtocol = errors.New("wire: not RESP")

// AppendCommand appends to dst a command made of args.
func AppendCommand[T string | []byte](dst []byte, args ...T) []byte {
	dst = append(dst, '*')
	dst = strconv.AppendInt(dst, int64(len(args)), 10)
	dst = append(dst, '\r', '\n')
	for _, arg := range args {
		dst = append(dst, '$')
		dst = strconv.AppendInt(dst, int64(len(arg)), 10)
		dst = append(dst, '\r', '\n')
		dst = append(dst, arg...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// Command is one command of a stream.
type Command struct {
	Raw  []byte   // the bytes it came in
	Args [][]byte // its words, slices of Raw; none for an empty line
	ends []int    // where in Raw each word begins and ends, in pairs
}

// Read replaces c by the next command of r, a RESP array of bulk strings or an
// inline command, whose words keep their quotes. It reuses c's memory: keep nothing
// of c over the next Read. The error is io.EOF only between two commands.
func (c *Command) Read(r *bufio.Reader) (err error) {
	c.Raw, c.Args, c.ends = c.Raw[:0], c.Args[:0], c.ends[:0]
	if c.Raw, err = appendLine(c.Raw, r, maxInline); err != nil {
		return err
	}
	if c.Raw[0] != '*' {
		c.Args = append(c.Args, bytes.FieldsFunc(c.Raw, isBlank)...)
		return nil
	}
	n, err := length(c.Raw[1:], maxArray)
	if err != nil {
		return err
	}
	for range n {
		at := len(c.Raw)
		if c.Raw, err = appendLine(c.Raw, r, maxInline); err != nil {
			return midway(err)
		}
		if c.Raw[at] != '$' {
			return fmt.Errorf("%w: a command's word begins with %q", ErrProtocol, c.Raw[at])
		}
		size, err := length(c.Raw[at+1:], maxBulk)
		if err != nil || size < 0 {
			return fmt.Errorf("%w: a command's word of length %d", ErrProtocol, size)
		}
		c.ends = append(c.ends, len(c.Raw), len(c.Raw)+size)
		if c.Raw, err = appendN(c.Raw, r, size+2); err != nil {
			return midway(err)
		}
	}
	for i := 0; i < len(c.ends); i += 2 {
		c.Args = append(c.Args, c.Raw[c.ends[i]:c.ends[i+1]])
	}
	return nil
}

// isBlank reports whether r separates the words of inline commands. Redis knows
// less white space there than Unicode does.
func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }
