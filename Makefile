# prepay: the two commands that matter are `make run` and `make test`.

GO ?= go

# Packages whose goroutines share memory and whose tests are quick: they are
# tested with the race detector each time. The others are by `make soak`.
RACE = ./cmd/prepay/internal/access ./eventstore/decider ./consumers/intake/... ./consumers/ledger/... ./consumers/deadlines ./consumers/gate/... ./consumers/gatestate ./consumers/outbound ./consumers/history ./consumers/natsintake ./consumers/notices ./consumers/publisher ./consumers/payments/... ./consumers/webhooks ./consumers/mailer ./consumers/why/natswhy ./projections/...

# The sizes of `make soak`. It runs long and fills the disk for a while: not for CI.
SOAK_CHARGES = 10000000
SOAK_ENTRIES = 100000000
SOAK_EVENTS = 1000000

# The official Node client, which is tested against our server: npm installs what
# the lock says, and again when that changes.
CLIENT = eventstore/esdbserver/testdata
CLIENT_INSTALLED = $(CLIENT)/node_modules/.installed

# What the web pages load in the browser, and axe-core, which their tests use.
ASSETS = cmd/prepay/internal/web/assets
ASSETS_INSTALLED = $(ASSETS)/node_modules/.installed

.PHONY: run demo test sheets lint bench soak build generate assets deps help

run: ## the ledger with everything embedded; Ctrl-C stops it, state stays in ./prepay-data
	@$(GO) build -trimpath -o prepay ./cmd/prepay && exec ./prepay serve --log-format console

demo: ## a believable month, told by the real engine in seconds
	$(GO) run ./cmd/prepay demo

test: $(CLIENT_INSTALLED) $(ASSETS_INSTALLED) ## every test, at reduced size
	$(GO) test ./...
	$(GO) test -race $(RACE)

sheets: ## the workbooks' sums, worked out by LibreOffice (soffice; Debian: libreoffice-calc-nogui)
	$(GO) test -tags libreoffice -run TestRecalculated ./consumers/monthbook ./consumers/statements

lint: ## format, vet, staticcheck, direction of imports
	@files=$$(gofmt -l .) || exit 1; if [ -n "$$files" ]; then echo "run gofmt -w on:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) run ./cmd/lintimports

bench: ## the benchmarks, beside raw limits in the same run
	$(GO) run ./cmd/prepay bench --charges 200000 --nats --http --json
	$(GO) test -run '^$$' -bench . -benchtime 1s ./eventstore/embedded ./eventstore/esdb ./consumers/usage ./consumers/gate ./consumers/gatestate ./consumers/natsintake ./consumers/publisher ./projections
	$(GO) test -run '^$$' -bench . -benchtime 1x ./eventstore/runindex -entries 2000000

soak: $(CLIENT_INSTALLED) ## the large sizes; write result and commit into docs/reliability.md
	$(GO) run ./cmd/prepay bench --charges $(SOAK_CHARGES) --json
	$(GO) test -run '^$$' -bench Growth -benchtime 1x -timeout 1h ./eventstore/runindex -entries $(SOAK_ENTRIES)
	$(GO) test -run '^$$' -bench MonthEnd -benchtime 1x -timeout 1h ./domain/reconciliation
	$(GO) test ./consumers/publisher -run TestKill -timeout 3h -args -events $(SOAK_EVENTS) -kills 100
	$(GO) run ./cmd/prepay bench --charges 1000000 --nats --json
	$(GO) test -race -count 5 -timeout 2h ./...

build: ## the binary, ./prepay
	$(GO) build -trimpath -o prepay ./cmd/prepay

generate: ## everything that is written by programs; it is committed, and compared in CI
	$(GO) run ./cmd/gendocs
	$(GO) run ./cmd/prepay/internal/apidoc/genapi yaml > docs/reference/openapi.yaml
	$(GO) run ./cmd/prepay/internal/apidoc/genapi markdown > docs/reference/http.md
	$(GO) generate ./consumers/apiclient
	$(GO) tool -modfile=.tools/go.mod templ generate -path cmd/prepay/internal/web

assets: $(ASSETS_INSTALLED) ## what the web pages load, built from its sources; it is committed, and compared in CI
	cd $(ASSETS) && npx --no-install tsc -p . && node build.mjs

deps: $(CLIENT_INSTALLED) $(ASSETS_INSTALLED) ## what build and tests need, from the module proxy and the npm registry
	$(GO) mod download
	$(GO) -C .tools mod download

$(CLIENT_INSTALLED): $(CLIENT)/package.json $(CLIENT)/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 18 or newer with npm, by which the official Node client is tested"; exit 1; }
	cd $(CLIENT) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

$(ASSETS_INSTALLED): $(ASSETS)/package.json $(ASSETS)/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 18 or newer with npm, by which the pages' scripts are built and tested"; exit 1; }
	cd $(ASSETS) && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-8s %s\n", $$1, $$2}' Makefile
