package resp

import (
	"fmt"
	"iter"
	"math"
	"math/big"
	"strconv"
)

// Value is a reply, or an element of one. It is a value in Go's sense, too: nothing that is handed
// out ever changes. The zero Value is a null.
//
// The accessors below convert where Redis itself is of two minds, since what is a double,
// a boolean or a map in RESP3 is a string, an integer or an array in RESP2. Of an error
// reply they return that error, and of any other kind one that names the kind.
type Value struct {
	text   string  // of strings, errors and big numbers
	elems  []Value // of aggregates; of a map key, value, key, value
	num    int64   // of integers, booleans (0 or 1) and doubles (their bits)
	attrs  *Value  // a map; nil: none
	kind   Kind
	format [3]byte // of verbatim strings
}

// Kind returns the type that v has in the protocol.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is a null: a key that does not exist, a command that timed
// out, an EXEC that was not done.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Err returns the [*Error] that v is, and nil if it is none. Errors inside of arrays,
// such as those of an EXEC, are found this way only.
func (v Value) Err() error {
	if v.failed() {
		return &Error{v.text}
	}
	return nil
}

// failed reports whether v is an error.
func (v *Value) failed() bool { return v.kind == KindError || v.kind == KindBulkError }

// Attributes returns what the server said about v beside its value: a map, or a null if it said nothing.
func (v Value) Attributes() Value {
	if v.attrs == nil {
		return Value{}
	}
	return *v.attrs
}

// Text returns the text of a string of any kind.
func (v Value) Text() (string, error) {
	switch v.kind {
	case KindStatus, KindString, KindVerbatim:
		return v.text, nil
	}
	return "", v.isNo("string")
}

// VerbatimFormat returns the format of a verbatim string, such as "txt" or "mkd", and "" of all else.
func (v Value) VerbatimFormat() string {
	if v.kind != KindVerbatim {
		return ""
	}
	return string(v.format[:])
}

// Int64 returns an integer, or that which a string spells.
func (v Value) Int64() (int64, error) {
	switch v.kind {
	case KindInteger:
		return v.num, nil
	case KindStatus, KindString, KindVerbatim, KindBigNumber:
		if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, v.isNo("integer of 64 bits")
}

// Float64 returns a double or an integer, or the number that a string spells.
func (v Value) Float64() (float64, error) {
	switch v.kind {
	case KindDouble:
		return math.Float64frombits(uint64(v.num)), nil
	case KindInteger:
		return float64(v.num), nil
	case KindStatus, KindString, KindVerbatim, KindBigNumber:
		if f, ok := parseDouble(v.text); ok {
			return f, nil
		}
	}
	return 0, v.isNo("double")
}

// Bool returns a boolean, or whether an integer that is 0 or 1 is 1.
func (v Value) Bool() (bool, error) {
	if v.kind == KindBoolean || v.kind == KindInteger && (v.num == 0 || v.num == 1) {
		return v.num == 1, nil
	}
	return false, v.isNo("boolean")
}

// BigInt returns a big number or an integer, or that which a string spells. The caller may change it.
func (v Value) BigInt() (*big.Int, error) {
	switch v.kind {
	case KindInteger:
		return big.NewInt(v.num), nil
	case KindStatus, KindString, KindVerbatim, KindBigNumber:
		if len(v.text) <= maxNumber && isDecimal(v.text) {
			n, _ := new(big.Int).SetString(v.text, 10)
			return n, nil
		}
	}
	return nil, v.isNo("big number")
}

// Array returns the elements of an array, a set or a push, which must not be changed.
func (v Value) Array() ([]Value, error) {
	switch v.kind {
	case KindArray, KindSet, KindPush:
		return v.elems, nil
	}
	return nil, v.isNo("array")
}

// Pairs returns the keys and values of a map in the order in which they were sent, or those
// of an array that lists them in turn.
func (v Value) Pairs() (iter.Seq2[Value, Value], error) {
	if v.kind != KindMap && (v.kind != KindArray || len(v.elems)%2 != 0) {
		return nil, v.isNo("map")
	}
	return func(yield func(Value, Value) bool) {
		for i := 0; i < len(v.elems); i += 2 {
			if !yield(v.elems[i], v.elems[i+1]) {
				return
			}
		}
	}, nil
}

// Map returns what Pairs does as a map. All keys must be strings.
func (v Value) Map() (map[string]Value, error) {
	pairs, err := v.Pairs()
	if err != nil {
		return nil, err
	}
	m := make(map[string]Value, len(v.elems)/2)
	for key, value := range pairs {
		k, err := key.Text()
		if err != nil {
			return nil, fmt.Errorf("resp: a map's key: %w", err)
		}
		m[k] = value
	}
	return m, nil
}

// isNo returns the error of an accessor. It does not show the value, which may be anything.
func (v Value) isNo(want string) error {
	if err := v.Err(); err != nil {
		return err
	}
	return fmt.Errorf("resp: the reply is of kind %v and no %s", v.kind, want)
}
