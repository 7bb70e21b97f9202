package resp

// Kind is the type of a [Value]. There is one of each type that RESP2 and RESP3 have, but
// one null for the three ways to write it.
type Kind uint8

// The kinds of values, by the byte that begins them. The zero Value is a null.
const (
	KindNull      Kind = iota // _, $-1 or *-1
	KindStatus                // + a simple string
	KindString                // $ a bulk string
	KindVerbatim              // = a string that says what format it has
	KindInteger               // :
	KindDouble                // ,
	KindBoolean               // #
	KindBigNumber             // (
	KindError                 // -
	KindBulkError             // !
	KindArray                 // *
	KindSet                   // ~
	KindMap                   // %
	KindPush                  // >
)

var kindNames = [...]string{
	"null", "simple string", "bulk string", "verbatim string", "integer", "double", "boolean",
	"big number", "simple error", "bulk error", "array", "set", "map", "push",
}

// String returns the name that the specification of RESP has for k.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown kind"
}
