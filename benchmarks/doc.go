// Package benchmarks compares redisentra with what users would take instead. It is a module of its own, so that
// its peers do not enter the module graphs of redisentra's users; it has tests and benchmarks only:
//
//	go test -bench . ./...
package benchmarks
