package wire_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing/iotest"

	"github.com/redisentra/redisentra/internal/wire"
)

// What follows is RESP once more, to compare package wire with: recursive, on a
// whole string in memory, and meant to be seen to be right.

// referenceCommand splits the first command off s.
func referenceCommand(s string) (args []string, rest string, err error) {
	if s == "" {
		return nil, "", io.EOF
	}
	line, rest, err := referenceLine(s, 64<<10)
	if err != nil {
		return nil, "", err
	}
	if line[0] != '*' {
		for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }) {
			args = append(args, word)
		}
		return args, rest, nil
	}
	n, err := referenceNumber(line[1:], 2147483647)
	if err != nil {
		return nil, "", err
	}
	for range n {
		if line, rest, err = referenceLine(rest, 64<<10); err != nil {
			return nil, "", err
		}
		if line[0] != '$' || line == "$-1\r\n" {
			return nil, "", wire.ErrProtocol
		}
		var word string
		if word, rest, err = referenceString(line, rest); err != nil {
			return nil, "", err
		}
		args = append(args, word)
	}
	return args, rest, nil
}

// referenceReply splits the first reply off s.
func referenceReply(s string) (rest string, err error) {
	if s == "" {
		return "", io.EOF
	}
	return referenceValue(s)
}

func referenceValue(s string) (rest string, err error) {
	line, rest, err := referenceLine(s, 512<<20)
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(line, "\r\n") {
		return "", wire.ErrProtocol
	}
	elements := 0
	switch kind := line[0]; {
	case strings.IndexByte("+-:_,#(", kind) >= 0:
		return rest, nil
	case strings.IndexByte("$!=", kind) >= 0:
		_, rest, err = referenceString(line, rest)
		return rest, err
	case strings.IndexByte("*~>%|", kind) >= 0:
		if elements, err = referenceNumber(line[1:], 2147483647); err != nil {
			return "", err
		}
		elements = max(elements, 0)
		if kind == '%' || kind == '|' {
			elements *= 2
		}
		if kind == '|' {
			elements++ // the reply that the attribute describes
		}
	default:
		return "", wire.ErrProtocol
	}
	for range elements {
		if rest, err = referenceValue(rest); err != nil {
			return "", err
		}
	}
	return rest, nil
}

// referenceString splits off s the string of the length that line holds, and its line end.
func referenceString(line, s string) (word, rest string, err error) {
	n, err := referenceNumber(line[1:], 512<<20)
	switch {
	case err != nil:
		return "", "", err
	case n < 0:
		return "", s, nil
	case len(s) < n+2:
		return "", "", io.ErrUnexpectedEOF
	case s[n:n+2] != "\r\n":
		return "", "", wire.ErrProtocol
	}
	return s[:n], s[n+2:], nil
}

// referenceLine splits the first line off s, which keeps its end.
func referenceLine(s string, limit int) (line, rest string, err error) {
	at := strings.IndexByte(s, '\n') + 1
	switch {
	case at > limit, at == 0 && len(s) > limit:
		return "", "", wire.ErrProtocol
	case at == 0:
		return "", "", io.ErrUnexpectedEOF
	}
	return s[:at], s[at:], nil
}

// referenceNumber reads what is left of a line: -1, or digits without a zero in front.
func referenceNumber(s string, limit int) (int, error) {
	digits, found := strings.CutSuffix(s, "\r\n")
	if digits == "-1" {
		return -1, nil
	}
	if !found || digits == "" || len(digits) > 10 || strings.Trim(digits, "0123456789") != "" || digits[0] == '0' && digits != "0" {
		return 0, wire.ErrProtocol
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > limit {
		return 0, wire.ErrProtocol
	}
	return n, nil
}

// readers are ways to read one stream that must not make a difference.
func readers(stream []byte) map[string]*bufio.Reader {
	return map[string]*bufio.Reader{
		"at once":      bufio.NewReaderSize(bytes.NewReader(stream), 64<<10),
		"byte by byte": bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream)), 16),
		"error early":  bufio.NewReaderSize(iotest.DataErrReader(bytes.NewReader(stream)), 64),
	}
}

// kindOf returns which of the errors of package wire err is.
func kindOf(err error) error {
	if errors.Is(err, wire.ErrProtocol) {
		return wire.ErrProtocol
	}
	return err
}
