package contenders

import "github.com/redisentra/redisentra/auth"

// Feed is what go-redis gets its credentials from.
type Feed struct{ *feed }

func NewFeed(src auth.Source) Feed { return Feed{&feed{source: src, listeners: listeners{}}} }

func (f Feed) Tell() { f.tell() }
