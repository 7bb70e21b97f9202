package resp

import "io"

// Parse reads one reply of src. ahead is how much behind it has been read of src.
func Parse(src io.Reader, maxReply int) (v Value, ahead int, err error) {
	r := newReader(src, maxReply)
	err = r.reply(&v)
	return v, r.w - r.r, err
}

// MaxReply is the default of Options.MaxReply.
const MaxReply = maxReply

// ErrTooLarge is the error of replies beyond the limits.
var ErrTooLarge = errTooLarge
