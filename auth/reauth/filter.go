package reauth

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/redisentra/redisentra/internal/wire"
)

// maxReply bounds a reply that is cut out, those known have less than a kilobyte, and what is read before the client asks for it.
const maxReply = 64 << 10

// filter cuts the replies that are not the client's out of what is read.
type filter struct {
	buf   []byte // what was read and is not delivered
	ready int    // bytes of it, from the first on, that are the client's
	err   error  // why nothing comes behind buf

	in      wire.Incoming
	replies int  // of the client, while they are counted
	last    byte // the first byte of the last one
	lost    bool // they cannot be counted any more

	holding bool     // the reply to a login, until those to its probe have come
	cutting bool     // what is behind ready is to be cut out
	size    int      // bytes behind ready of a reply that has not come whole
	cut     [][]byte // replies that were, since cutting began
}

// advance looks at what was read. It returns true once the replies to m have come and been cut
// out, and these. m is nil if nothing is to be cut out; counting says that replies are to be counted then.
func (f *filter) advance(m *mark, counting bool) ([][]byte, bool) {
	switch {
	case f.lost || m == nil && !counting:
		f.ready = len(f.buf)
		return nil, false
	case f.cutting:
	case m == nil || m.probe != nil:
		f.cutting = f.count(m)
	default:
		f.cutting = f.seek(m.marker)
	}
	if !f.cutting {
		return nil, false
	}
	return f.cutOut(m)
}

// count counts the client's replies and reports whether what follows is that to the probe of m.
func (f *filter) count(m *mark) bool {
	for {
		if m != nil && f.in.Between() && f.replies == m.probe.after {
			return true
		}
		if f.ready == len(f.buf) {
			return false
		}
		n, err := f.in.Next(f.buf[f.ready:])
		f.ready += n
		if err != nil { // no Redis; the client will see that itself
			f.lost, f.ready = true, len(f.buf)
			return false
		}
		if f.in.Between() && f.in.First() != '>' {
			f.replies++
			f.last = f.in.First()
		}
	}
}

// seek cuts the marker out and reports whether it has come.
func (f *filter) seek(marker []byte) bool {
	if i := bytes.Index(f.buf[f.ready:], marker); i >= 0 {
		f.ready += i
		f.buf = slices.Delete(f.buf, f.ready, f.ready+len(marker))
		f.in = wire.Incoming{}
		return true
	}
	// The end may be the beginning of the marker.
	n := min(len(marker)-1, len(f.buf)-f.ready)
	for !bytes.HasSuffix(f.buf, marker[:n]) {
		n--
	}
	f.ready = len(f.buf) - n
	return false
}

// cutOut cuts the replies to m out, which are next but for pushes.
func (f *filter) cutOut(m *mark) ([][]byte, bool) {
	wanted := 1
	if m.probe != nil {
		wanted = probeReplies
	}
	for f.ready+f.size < len(f.buf) {
		n, err := f.in.Next(f.buf[f.ready+f.size:])
		if err == nil && f.size+n > maxReply && f.in.First() != '>' {
			err = fmt.Errorf("a reply of more than %d bytes", maxReply)
		}
		if err != nil {
			f.err = fmt.Errorf("reauth: the reply to an AUTH: %w", err)
			return nil, false
		}
		if f.in.First() == '>' {
			f.ready += n
			continue
		}
		if f.size += n; !f.in.Between() {
			continue
		}
		f.cut = append(f.cut, bytes.Clone(f.buf[f.ready:f.ready+f.size]))
		f.buf = slices.Delete(f.buf, f.ready, f.ready+f.size)
		f.size = 0
		if len(f.cut) == wanted {
			cut := f.cut
			f.cutting, f.cut = false, nil
			return cut, true
		}
	}
	return nil, false
}

// end is advance once f.err is known: nothing comes behind buf. The beginning of what might be a marker
// is the client's; that of a reply to be cut out is not.
func (f *filter) end() {
	if f.cutting {
		f.buf = f.buf[:f.ready]
	} else {
		f.ready = len(f.buf)
	}
}

// deliver moves as much to p as is ready, and returns how much that is.
func (f *filter) deliver(p []byte) int {
	n := copy(p, f.buf[:f.ready])
	f.buf = f.buf[:copy(f.buf, f.buf[n:])]
	f.ready -= n
	return n
}
