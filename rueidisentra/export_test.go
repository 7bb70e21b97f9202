package rueidisentra

import "time"

// Slices returns the commands that BoundBlocking would send, 4 at most, if each of them
// blocked for all of its time and had no result; none if it let args pass unchanged.
func Slices(args []string, most time.Duration) [][]string {
	b, ok := parseBlocking(args)
	if !ok || !b.longerThan(most) {
		return nil
	}
	var sent [][]string
	elapsed := time.Duration(0)
	for d, more := b.next(0, most); more && len(sent) < 4; d, more = b.next(elapsed, most) {
		sent = append(sent, b.slice(d))
		b.resolveLasts()
		elapsed += d
	}
	return sent
}
