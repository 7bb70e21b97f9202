package resp

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/redisentra/redisentra/internal/wire"
)

// sizeOfValue is what an element takes.
const sizeOfValue = int(unsafe.Sizeof(Value{}))

// reply reads the next reply or push into v. The error is io.EOF only in front of it.
func (r *reader) reply(v *Value) error {
	if err := r.await(); err != nil {
		return err
	}
	r.left = r.max
	err := midway(r.value(v, 0))
	r.long = nil
	return err
}

// await waits until there is something to parse.
func (r *reader) await() error {
	if r.r < r.w {
		return nil
	}
	return r.fill()
}

// value reads a value into v, which is a null.
func (r *reader) value(v *Value, depth int) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	if len(line) == 0 {
		return fmt.Errorf("%w: a reply begins with a line end", wire.ErrProtocol)
	}
	kind, line := line[0], line[1:]
	switch kind {
	case '$':
		return r.stringOf(v, KindString, line)
	case '+':
		v.kind = KindStatus
		v.text, err = r.lineText(line)
		return err
	case ':':
		n, ok := parseInteger(line)
		v.kind, v.num = KindInteger, n
		return valid(ok, "integer")
	case '_':
		return valid(len(line) == 0, "null")
	case '*':
		return r.aggregate(v, KindArray, line, 1, depth)
	case '%':
		return r.aggregate(v, KindMap, line, 2, depth)
	case '~':
		return r.aggregate(v, KindSet, line, 1, depth)
	case '>':
		return r.aggregate(v, KindPush, line, 1, depth)
	case '-':
		v.kind = KindError
		v.text, err = r.lineText(line)
		return err
	case '!':
		return r.stringOf(v, KindBulkError, line)
	case '=':
		return r.stringOf(v, KindVerbatim, line)
	case ',':
		f, ok := parseDouble(string(line))
		v.kind, v.num = KindDouble, int64(math.Float64bits(f))
		return valid(ok, "double")
	case '#':
		ok := len(line) == 1 && (line[0] == 't' || line[0] == 'f')
		v.kind = KindBoolean
		if ok && line[0] == 't' {
			v.num = 1
		}
		return valid(ok, "boolean")
	case '(':
		if len(line) > maxNumber {
			return fmt.Errorf("%w: a number of more than %d digits", errTooLarge, maxNumber)
		}
		v.kind = KindBigNumber
		v.text, err = r.lineText(line)
		if err != nil {
			return err
		}
		return valid(isDecimal(v.text), "big number")
	case '|':
		return r.attributed(v, line, depth)
	}
	return fmt.Errorf("%w: a reply begins with %q", wire.ErrProtocol, kind)
}

// valid returns the error of a number that is none.
func valid(ok bool, want string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: a %s that is none", wire.ErrProtocol, want)
}

// lineText returns line as a string, which for the usual replies is not allocated.
func (r *reader) lineText(line []byte) (string, error) {
	switch string(line) {
	case "OK":
		return "OK", nil
	case "QUEUED":
		return "QUEUED", nil
	case "PONG":
		return "PONG", nil
	}
	return string(line), r.spend(len(line))
}

// stringOf reads a string with a length into v.
func (r *reader) stringOf(v *Value, kind Kind, line []byte) error {
	n, ok := parseLength(line)
	switch {
	case !ok:
		return errLength
	case n < 0 && kind == KindString:
		return nil // a null
	case n < 0, n < 4 && kind == KindVerbatim:
		return errLength
	}
	text, err := r.bulk(n)
	v.kind, v.text = kind, text
	if err == nil && kind == KindVerbatim {
		copy(v.format[:], text)
		v.text = text[4:]
		return valid(text[3] == ':', "verbatim string")
	}
	return err
}

var errLength = fmt.Errorf("%w: a length that is none", wire.ErrProtocol)

// aggregate reads the elements of an aggregate into v, each of which is each many values.
func (r *reader) aggregate(v *Value, kind Kind, line []byte, each, depth int) error {
	n, ok := parseLength(line)
	switch {
	case !ok, n < 0 && kind == KindPush:
		return errLength
	case n < 0:
		return nil // a null
	}
	v.kind = kind
	var err error
	v.elems, err = r.elements(n, each, depth+1)
	return err
}

// elements reads n times each values.
func (r *reader) elements(n, each, depth int) ([]Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: aggregates nest deeper than %d", errTooLarge, maxDepth)
	}
	if n > r.left/(each*sizeOfValue) {
		return nil, r.spend(r.left + 1)
	}
	n *= each
	r.left -= n * sizeOfValue
	var elems []Value
	for i := range n {
		if i == len(elems) {
			grown := make([]Value, grow(n, i, firstPart/sizeOfValue))
			copy(grown, elems)
			elems = grown
		}
		if err := r.value(&elems[i], depth); err != nil {
			return nil, err
		}
	}
	return elems, nil
}

// attributed reads attributes, and then the value that they go with into v.
func (r *reader) attributed(v *Value, line []byte, depth int) error {
	n, ok := parseLength(line)
	if !ok || n < 0 {
		return errLength
	}
	elems, err := r.elements(n, 2, depth+1)
	if err != nil {
		return err
	}
	if err := r.spend(sizeOfValue); err != nil {
		return err
	}
	if err := r.value(v, depth+1); err != nil {
		return err
	}
	if v.attrs == nil { // of attributes of attributes the inner ones are what counts
		v.attrs = &Value{kind: KindMap, elems: elems}
	}
	return nil
}
