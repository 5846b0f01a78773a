# prepay: the two commands that matter are `make run` and `make test`.

GO ?= go

.PHONY: run test lint bench soak build deps help

run: ## the product: until there is a server, a month told by the demo
	$(GO) run ./cmd/prepay demo

test: ## every test, at reduced size
	$(GO) test ./...

lint: ## format, vet, staticcheck, direction of imports
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not gofmt'ed:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) run ./cmd/lintimports

bench: ## the benchmarks, beside raw limits in the same run
	$(GO) run ./cmd/prepay bench
	$(GO) test -run '^$$' -bench . -benchtime 2s ./eventstore/embedded ./consumers/usage ./domain/rating ./consumers/intake

soak: ## the large sizes; write result and commit into docs/reliability.md
	$(GO) run ./cmd/prepay bench --charges 10000000
	$(GO) test -run '^$$' -bench Growth -benchtime 1x ./eventstore/runindex -entries 100000000
	$(GO) test -race -count 5 ./eventstore/... ./consumers/ledger ./domain

build: ## the binary
	$(GO) build -trimpath -o prepay ./cmd/prepay

deps: ## what the build needs, from the module proxy
	$(GO) mod download

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/:/'
