# Works with GNU make, Go and git alone. "make" lists what there is.

SHELL := /bin/sh

# Without a tag the version is empty, and the program says that it is a
# development build.
VERSION ?= $(shell git describe --tags --dirty --match 'v*' 2>/dev/null)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
PREFIX  ?= /usr/local

# Arguments for the program in "make demo", such as ARGS=--scenario.
ARGS ?=
# How long a single benchmark runs.
BENCHTIME ?= 1s

GO      := go
GOTEST  := $(GO) run ./scripts/gotest
LINT    := $(GO) tool -modfile=tools/go.mod golangci-lint
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# Teleport's api brings in code for all of Teleport. Not inlining in it, and
# leaving out gRPC's debug pages, makes the program 2 MB smaller.
SLIM := -tags grpcnotrace -gcflags=github.com/gravitational/teleport/api/...=-l

# The servers of the end-to-end test; see docs/decisions.
SERVERS      := e2e/servers
SERVERS_BIN  := $(SERVERS)/bin
SERVERS_FROM := $(SERVERS)/go.mod $(SERVERS)/go.sum $(SERVERS)/teleport/main.go

.DEFAULT_GOAL := help

.PHONY: help
help: ## list what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## see the plugin work, without Teleport or Slack (ARGS=--scenario tells a story in the terminal)
	@bin/teleport-slack demo $(ARGS)

.PHONY: build
build: ## build bin/teleport-slack
	CGO_ENABLED=0 $(GO) build -trimpath $(SLIM) -ldflags "$(LDFLAGS)" -o bin/ ./cmd/teleport-slack

.PHONY: install
install: build ## install it in PREFIX/bin (PREFIX=/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 bin/teleport-slack $(DESTDIR)$(PREFIX)/bin/teleport-slack

.PHONY: test
test: ## run every test that needs nothing but Go
	@$(GOTEST) ./...

.PHONY: race
race: ## the same with the race detector (needs a C compiler)
	@CGO_ENABLED=1 $(GOTEST) -race ./...

.PHONY: fuzz-seeds
fuzz-seeds: ## run the fuzz targets with the inputs that are kept
	@$(GOTEST) -run '^Fuzz' ./...

# How many stories of each kind "make model" tells.
STORIES ?= 1500

.PHONY: model
model: ## tell thousands of random stories of faults and check how they end
	@$(GOTEST) -count=1 -timeout 10m -run 'TestNothing|TestWithout' ./internal/notify -rapid.checks=$(STORIES)

.PHONY: browser
browser: ## test the demo page in a browser (needs Chromium)
	@packages=$$(git grep --untracked -lE '^//go:build .*browser' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's|^|./|') && \
	if [ -n "$$packages" ]; then $(GOTEST) -tags browser -count=1 $$packages; else echo "no test needs a browser yet"; fi

.PHONY: screenshots
screenshots: ## take the pictures of the documentation anew (needs Chromium)
	SCREENSHOTS=$(CURDIR)/docs/images $(GO) test -tags browser -count=1 ./internal/demo

.PHONY: bench
bench: build ## run the benchmarks (BENCHTIME=1s)
	$(GO) run ./scripts/bench
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

.PHONY: lint
lint: ## check style and likely mistakes
	$(LINT) run ./...

.PHONY: fmt
fmt: ## format the code
	$(LINT) fmt ./...

.PHONY: generate
generate: ## make generated files anew
	$(GO) generate ./...

.PHONY: e2e
e2e: build e2e-servers ## prove the built program against a real Teleport
	@$(GOTEST) -tags e2e -count=1 -parallel 4 -timeout 15m ./e2e

# Built again only where what it is built from, or Go, has changed. The
# contents decide, not the files' times, which a fresh clone doesn't keep.
# -checklinkname=0: one of Teleport's dependencies reaches into the runtime.
.PHONY: e2e-servers
e2e-servers: ## build that Teleport (minutes the first time; needs a C compiler)
	@key=$$( { $(GO) version; cat $(SERVERS_FROM); } | git hash-object --stdin) && \
	if [ "$$key" = "$$(cat $(SERVERS_BIN)/.built-from 2>/dev/null)" ]; then exit 0; fi && \
	echo "building teleport, tctl and tbot in $(SERVERS_BIN)" && \
	rm -f $(SERVERS_BIN)/.built-from && \
	$(GO) -C $(SERVERS) build -ldflags=-checklinkname=0 -o bin/ ./teleport \
		github.com/gravitational/teleport/tool/tctl github.com/gravitational/teleport/tool/tbot && \
	echo "$$key" > $(SERVERS_BIN)/.built-from

.PHONY: clean
clean: ## remove what was built, except the end-to-end test's servers
	rm -rf bin dist coverage.out

.PHONY: clean-all
clean-all: clean ## remove those too
	rm -rf $(SERVERS_BIN)
