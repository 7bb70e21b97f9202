# `make` lists the targets; each line of it is a comment behind a target below.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

tool = "$$(go -C tools tool -n $(1))"
modules = . benchmarks

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: ## tokens rotate under load, everything embedded (15 s)
	@go run ./cmd/redisentra demo

.PHONY: test
test: redis-server ## all tests, with the race detector
	go test -run 'WithoutAConn|AnywhereInWhatComes' ./auth/reauth # all of what the race detector has time for a tenth of
	go test -race -p 1 ./... # one package at a time: some tests need that what lives a second is served within it
	go -C benchmarks test -race -p 1 ./...
	go -C benchmarks test -run '^$$' -bench . -benchtime 1x ./... # does each still run? its figures mean nothing

.PHONY: check
check: ## format, vet, staticcheck, go fix and tidy, all without a change
	@out="$$($(call tool,gofumpt) -l .)"; if [ -n "$$out" ]; then echo "not formatted (run 'make format'):"; echo "$$out"; exit 1; fi
	@for m in $(modules); do echo "vet, staticcheck and go fix of module $$m"; \
		go -C $$m vet ./...; \
		staticcheck=$(call tool,staticcheck); (cd $$m && "$$staticcheck" ./...); \
		out="$$(go -C $$m fix -diff ./...)"; if [ -n "$$out" ]; then echo "go fix would change:"; echo "$$out"; exit 1; fi; \
	done
	@for m in $(modules) tools; do go -C $$m mod tidy -diff; done

.PHONY: format
format: ## format the code
	$(call tool,gofumpt) -w .

.PHONY: bench
bench: redis-server ## what the refresh of tokens costs, beside what others do (10 min)
	go -C benchmarks test -run '^$$' -bench . -count 6 ./... | tee /dev/stderr | $(call tool,benchstat) -

.PHONY: bench-quick
bench-quick: redis-server ## the same once, for a first impression (2 min)
	go -C benchmarks test -run '^$$' -bench . ./...

.PHONY: report
report: redis-server ## measure steady states, rotation, refresh and scale, and draw benchmarks/report/index.html
	cd benchmarks && go run ./report

.PHONY: soak
soak: redis-server ## every kind of connection at once, on 1 s tokens: plaintext, TLS and a cluster (10 min)
	SOAK=200s go test -race -count 1 -timeout 30m -v -run 'SixLives' ./rueidisentra

.PHONY: fuzz
fuzz: ## each fuzz target for 60 s
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime 60s -fuzzminimizetime 10x $$pkg; \
		done; \
	done

# Some tests want a real redis-server. Where it is missing and cannot be installed they
# skip, and say so. RUNLEVEL=1 keeps Debian's package from starting a service.
.PHONY: redis-server
redis-server:
	@if ! command -v redis-server >/dev/null && command -v apt-get >/dev/null; then \
		sudo="$$([ "$$(id -u)" = 0 ] || echo sudo -n)"; \
		{ $$sudo apt-get update -q && $$sudo env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends redis-server; } >/dev/null 2>&1 || true; \
	fi
	@command -v redis-server >/dev/null || echo "*** redis-server is missing and could not be installed: tests against the real one are SKIPPED ***"
