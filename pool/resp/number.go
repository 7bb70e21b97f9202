package resp

import (
	"math"
	"strconv"
	"strings"
)

// parseLength reads a length as Redis writes it: without a sign or a zero in front; -1 is a null.
func parseLength(line []byte) (n int, ok bool) {
	if len(line) == 2 && line[0] == '-' && line[1] == '1' {
		return -1, true
	}
	if len(line) == 0 || len(line) > 10 || line[0] == '0' && len(line) > 1 {
		return 0, false
	}
	var long int64
	for _, c := range line {
		if c -= '0'; c > 9 {
			return 0, false
		}
		long = 10*long + int64(c)
	}
	return int(long), long <= math.MaxInt32
}

// parseInteger reads an integer of 64 bits.
func parseInteger(line []byte) (int64, bool) {
	digits := line
	negative := len(line) > 0 && line[0] == '-'
	if negative || len(line) > 0 && line[0] == '+' {
		digits = line[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var n uint64 // 19 digits always fit
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = 10*n + uint64(c)
	}
	switch {
	case negative:
		return -int64(n), n <= 1<<63
	default:
		return int64(n), n <= math.MaxInt64
	}
}

// parseDouble reads a double as RESP3 and Redis' strings spell it, which is less than Go takes.
func parseDouble(s string) (float64, bool) {
	switch s {
	case "inf", "+inf":
		return math.Inf(1), true
	case "-inf":
		return math.Inf(-1), true
	case "nan", "-nan":
		return math.NaN(), true
	}
	if len(s) > maxNumber || strings.Trim(s, "+-0123456789.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// isDecimal reports whether s is an integer of any length.
func isDecimal(s string) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	return s != "" && strings.Trim(s, "0123456789") == ""
}
