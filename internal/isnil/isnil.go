// Package isnil finds the nils that a comparison with nil does not.
package isnil

import "reflect"

// Value reports whether v is nil, or an interface around a nil pointer or func, as it
// stands there when the error of a constructor was not looked at.
func Value(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || (r.Kind() == reflect.Pointer || r.Kind() == reflect.Func) && r.IsNil()
}
