package resp

import (
	"fmt"
	"math"
)

// Any returns v as what Go has for it:
//
//	null                         nil
//	strings of any kind          string
//	integer, double, boolean     int64, float64, bool
//	big number                   *big.Int
//	error                        error, an *Error
//	array, set, push             []any
//	map                          map[any]any, or [][2]any if a key is an aggregate, a big number or an error
//
// A map with a key that is there twice keeps the last of its values.
func (v Value) Any() any {
	switch v.kind {
	case KindStatus, KindString, KindVerbatim:
		return v.text
	case KindInteger:
		return v.num
	case KindDouble:
		return math.Float64frombits(uint64(v.num))
	case KindBoolean:
		return v.num == 1
	case KindBigNumber:
		n, err := v.BigInt()
		if err != nil {
			return err
		}
		return n
	case KindError, KindBulkError:
		return v.Err()
	case KindArray, KindSet, KindPush:
		list := make([]any, len(v.elems))
		for i, e := range v.elems {
			list[i] = e.Any()
		}
		return list
	case KindMap:
		return v.anyMap()
	}
	return nil
}

func (v Value) anyMap() any {
	for i := 0; i < len(v.elems); i += 2 {
		switch k := v.elems[i].kind; { // those whose Any is not found by what is equal to it
		case k >= KindArray, k == KindBigNumber, k == KindError, k == KindBulkError:
			pairs := make([][2]any, 0, len(v.elems)/2)
			for i := 0; i < len(v.elems); i += 2 {
				pairs = append(pairs, [2]any{v.elems[i].Any(), v.elems[i+1].Any()})
			}
			return pairs
		}
	}
	m := make(map[any]any, len(v.elems)/2)
	for i := 0; i < len(v.elems); i += 2 {
		m[v.elems[i].Any()] = v.elems[i+1].Any()
	}
	return m
}

// String returns v as package fmt prints what Any returns: a string's text itself, <nil> for a null,
// [a b] for an array, map[k:v] for a map.
func (v Value) String() string { return fmt.Sprint(v.Any()) }
