# Works with GNU make, Go and git alone. "make" lists the targets.

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
DEPLOY  := $(GO) -C deploy
LINT    := $(GO) tool -modfile=tools/go.mod golangci-lint
# In a module apart from golangci-lint's, so that a first "make test" loads little.
GOTESTSUM  := tool -modfile=$(CURDIR)/tools/gotestsum/go.mod gotestsum --format-hide-empty-pkg --
GOTEST     := $(GO) $(GOTESTSUM)
DEPLOYTEST := $(DEPLOY) $(GOTESTSUM)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
BUILD   := -trimpath -ldflags "$(LDFLAGS)"

# Where a release is packed, and the time that everything in it has.
DIST  ?= dist
EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
PACK   = $(DEPLOY) run ./dist -root $(CURDIR) -out $(DIST) -bins $(DIST)/.bin \
	-version "$(VERSION)" -commit "$(COMMIT)" -time "$(EPOCH)"

# What builds the container image, and its name.
DOCKER      ?= buildah
DOCKERFLAGS ?= --isolation chroot --storage-driver vfs --format docker --timestamp $(EPOCH)
IMAGE       ?= localhost/teleport-slack

# The servers of the end-to-end test; see docs/decisions.
SERVERS      := e2e/servers
SERVERS_BIN  := $(SERVERS)/bin
SERVERS_PACKAGES := ./teleport github.com/gravitational/teleport/tool/tctl github.com/gravitational/teleport/tool/tbot
SERVERS_FROM := $(SERVERS)/go.mod $(SERVERS)/go.sum $(SERVERS)/teleport/main.go

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## run the plugin without Teleport or Slack (ARGS=--scenario plays a scenario in the terminal)
	@bin/teleport-slack demo $(ARGS)

.PHONY: build
build: ## build bin/teleport-slack
	CGO_ENABLED=0 $(GO) build $(BUILD) -o bin/ ./cmd/teleport-slack

.PHONY: deps
deps: ## download the modules of all targets, which then work offline
	$(GO) mod download
	$(DEPLOY) mod download
	$(GO) -C tools mod download
	$(GO) -C tools/gotestsum mod download
	$(GO) -C $(SERVERS) list -deps $(SERVERS_PACKAGES) >/dev/null # not all of Teleport's modules

.PHONY: tidy
tidy: ## tidy go.mod and go.sum, here and in deploy
	$(GO) mod tidy
	$(DEPLOY) mod tidy

.PHONY: install
install: build ## install it with its unit in PREFIX, and an example configuration in /etc (PREFIX=/usr/local)
	@deploy/install.sh --bin bin/teleport-slack --prefix "$(PREFIX)" --destdir "$(DESTDIR)"

# The programs are always built anew. -buildvcs=false: VERSION and COMMIT decide
# what they report.
.PHONY: dist
dist: ## pack a release in DIST: archives, deb, rpm, chart, SBOMs, checksums (DIST=dist)
	rm -rf $(DIST)
	for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -buildvcs=false $(BUILD) \
			-o $(DIST)/.bin/linux_$$arch/ ./cmd/teleport-slack || exit; \
	done
	$(PACK)

# From a fresh clone with an empty cache: about a minute for each architecture.
.PHONY: dist-check
dist-check: dist ## build the release once more elsewhere and compare
	@other=$$(mktemp -d) && trap 'chmod -R u+w "$$other"; rm -rf "$$other"' EXIT && \
	git worktree prune && git clone -q --no-hardlinks . $$other/elsewhere && \
	GOCACHE=$$other/cache $(MAKE) -s -C $$other/elsewhere dist VERSION="$(VERSION)" COMMIT="$(COMMIT)" EPOCH="$(EPOCH)" && \
	diff $(DIST)/checksums.txt $$other/elsewhere/dist/checksums.txt && \
	echo "the same bytes: $$(grep -c . $(DIST)/checksums.txt) files"

.PHONY: image-context
image-context: ## lay out the roots of the container images in DIST/image, for programs that "make dist" built
	$(PACK) -images

# For this machine's architecture. DOCKER=docker and podman take the same
# words; buildah's isolation needs no privileges beyond root's.
.PHONY: image
image: image-context ## build the container image IMAGE, after "make dist" (DOCKER="buildah", IMAGE=teleport-slack)
	$(DOCKER) build $(DOCKERFLAGS) -f deploy/container/Dockerfile -t $(IMAGE) \
		--build-arg TARGETARCH=$$($(GO) env GOARCH) --build-arg VERSION="$(VERSION)" --build-arg REVISION="$(COMMIT)" $(DIST)/image

.PHONY: helm
helm: ## check the Helm chart: lint, its unit tests, goldens, Kubernetes' types, the real configuration loader
	@for values in deploy/helm/testdata/values/*.yaml; do \
		$(DEPLOY) tool helm lint --quiet --strict --kube-version 1.34.0 helm/teleport-plugin-slack --values $(CURDIR)/$$values || exit; \
	done
	@$(DEPLOY) tool helm-unittest helm/teleport-plugin-slack
	@$(DEPLOYTEST) ./...

.PHONY: helm-readme
helm-readme: ## write the chart's table of values
	$(DEPLOY) run ./helm/readme

.PHONY: systemd
systemd: ## check the packages of "make dist" under systemd (needs systemd-nspawn and root)
	@stage=$$(mktemp -d) && trap 'rm -rf "$$stage"' EXIT && \
	sed "s|^ExecStart=[^ ]*|ExecStart=$$PWD/$(DIST)/.bin/linux_$$($(GO) env GOARCH)/teleport-slack|" deploy/systemd/teleport-slack.service >$$stage/teleport-slack.service && \
	systemd-analyze verify --man=no $$stage/teleport-slack.service
	systemd-analyze security --offline=true --threshold=20 deploy/systemd/teleport-slack.service >/dev/null
	@$(DEPLOYTEST) -tags systemd -count=1 ./systemd

.PHONY: container
container: ## check the image that "make image" built (needs podman, runc and root)
	@IMAGE=$(IMAGE) $(DEPLOYTEST) -tags container -count=1 ./container

.PHONY: test
test: ## run all tests that need only Go
	@$(GOTEST) ./...

.PHONY: race
race: ## run them with the race detector (needs a C compiler)
	@CGO_ENABLED=1 $(GOTEST) -race ./...

.PHONY: fuzz-seeds
fuzz-seeds: ## run the fuzz targets with their stored inputs
	@$(GOTEST) -run '^Fuzz' ./...

# How many random sequences of each kind "make model" checks.
STORIES ?= 1500

.PHONY: model
model: ## check delivery over thousands of random sequences of faults (STORIES=1500)
	@$(GOTEST) -count=1 -timeout 10m -run 'TestNothing|TestWithout' ./internal/notify -rapid.checks=$(STORIES)

.PHONY: browser
browser: ## test the demo page in a browser (needs Chromium)
	@packages=$$(git grep --untracked -lE '^//go:build .*browser' -- '*_test.go' | xargs -r -n 1 dirname | sort -u | sed 's|^|./|') && \
	if [ -n "$$packages" ]; then $(GOTEST) -tags browser -count=1 $$packages; else echo "no test needs a browser yet"; fi

.PHONY: screenshots
screenshots: ## take the screenshots of the documentation (needs Chromium)
	SCREENSHOTS=$(CURDIR)/docs/images $(GO) test -tags browser -count=1 ./internal/demo

# -count=1: it reads files outside its module, whose changes Go does not see.
.PHONY: grafana
grafana: ## check the dashboard and the alert rules with Prometheus's own parser
	@$(GO) -C deploy/grafana/check $(GOTESTSUM) -count=1 ./...

.PHONY: bench
bench: build ## run the benchmarks (BENCHTIME=1s)
	$(GO) run ./scripts/bench
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

.PHONY: lint
lint: ## run the linters
	$(LINT) run ./...
	cd deploy && $(GO) tool -modfile=../tools/go.mod golangci-lint run --build-tags container,systemd ./...

.PHONY: fmt
fmt: ## format the code
	$(LINT) fmt ./...

.PHONY: generate
generate: ## regenerate generated files
	$(GO) generate ./...

.PHONY: e2e
e2e: build e2e-servers ## test the built program against a real Teleport
	@$(GOTEST) -tags e2e -count=1 -parallel 4 -timeout 15m ./e2e

# Built again only when its sources or Go have changed: by their contents, since
# a fresh clone has new file times.
# -checklinkname=0: one of Teleport's dependencies reaches into the runtime.
.PHONY: e2e-servers
e2e-servers: ## build that Teleport (minutes the first time; needs a C compiler)
	@key=$$( { $(GO) version; cat $(SERVERS_FROM); } | git hash-object --stdin) && \
	if [ "$$key" = "$$(cat $(SERVERS_BIN)/.built-from 2>/dev/null)" ]; then exit 0; fi && \
	echo "building teleport, tctl and tbot in $(SERVERS_BIN)" && \
	rm -f $(SERVERS_BIN)/.built-from && \
	$(GO) -C $(SERVERS) build -ldflags=-checklinkname=0 -o bin/ $(SERVERS_PACKAGES) && \
	echo "$$key" > $(SERVERS_BIN)/.built-from

.PHONY: clean
clean: ## remove build results, except the end-to-end test's servers
	rm -rf bin $(DIST) coverage.out

.PHONY: clean-all
clean-all: clean ## remove those too
	rm -rf $(SERVERS_BIN)
