# One page: everything that is done with this tree. `make help` lists it.
# Namespaces need root; where root is missing, say `sudo make …`.

GO       ?= go
FUZZTIME ?= 20s
BIN      := bin/hyperplane
export CGO_ENABLED ?= 0

.PHONY: build demo test unit e2e chaos race sim fuzz bench benchsmoke lint packages doctor clean help

build: ## build the one static binary, bin/hyperplane
	$(GO) build -trimpath -o $(BIN) ./cmd/hyperplane

demo: build ## show the NAT gateway at work (Ctrl-C ends it and cleans up)
	$(BIN) demo

test: packages doctor lint unit race benchsmoke fuzz ## every test; installs what they need from Debian first

# Packages that start processes come last and one by one: they measure time, and
# have no more processors to share than the machine has.
BUSY := /(testnet|bench)(/|$$)

unit: build ## all Go tests, those in namespaces included
	all=$$($(GO) list ./...) && $(GO) test -timeout 15m $$(echo "$$all" | grep -vE '$(BUSY)')
	$(GO) test -timeout 20m -p 1 ./testnet/... ./bench/...

e2e: build ## only the tests with real processes in namespaces
	$(GO) test -timeout 20m -count 1 -p 1 ./testnet/...

chaos: build ## lose, hang, cut off, restart, add and drain nodes, and flood them, under 10,000 connections; figures in bin/_artifacts
	HYPERPLANE_CHAOS=long $(GO) test -timeout 30m -count 1 -v -run '^TestChaos' -artifacts -outputdir $(CURDIR)/bin ./testnet

race: ## the packages with goroutines, under the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 10m ./loop/... ./telemetry/... ./wire/... ./tun/... ./resolver/...

sim: build ## cells with faults by seed: SEEDS=10000, SECONDS=600, or SEED=7 to see one
	$(BIN) sim $(if $(SEED),--seed $(SEED),$(if $(SECONDS),--seconds $(SECONDS),--seeds $(or $(SEEDS),1000))) $(ARGS)

fuzz: ## every fuzz target for FUZZTIME each
	scripts/fuzz $(FUZZTIME)

bench: build ## measure against the kernel's own paths, about ten minutes
	$(BIN) bench

benchsmoke: ## every Go benchmark once, so that none rots
	$(GO) test -run '^$$' -bench . -benchtime 1x ./... | grep -v '^?\|no test files'

lint: ## gofmt, vet, staticcheck
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "gofmt -w $$files"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

packages: ## what the tests need from Debian (iperf3, tshark, coturn, strongSwan …)
	scripts/packages

doctor: build ## which kernel features are here
	$(BIN) doctor

clean:
	rm -rf bin

help:
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):[^#]*## /\1\t/' | expand -t 14
