// Package benchmarks compares redisentra with what users would take instead. It is a module of its own, so that
// its peers do not enter the module graphs of redisentra's users. README.md says what each number means.
//
//	go test -run '^$' -bench . ./...
//	go run ./report
//
// Package contenders has what is compared, package measure the scenarios, and report what draws them.
package benchmarks
