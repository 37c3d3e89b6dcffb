# Everything a developer or CI runs. `make help` lists the targets.

GO        ?= go
LINT      := $(GO) tool -modfile=go.tool.mod golangci-lint
LDFLAGS   := -s -w
# The layer's programs must come out the same on every machine: no version
# control stamp, no paths, no cgo.
DEFENDERS := bin/defender-linux-amd64 bin/defender-linux-arm64
SHIMS     := bin/shim-linux-amd64.so bin/shim-linux-arm64.so
# compiler is the machine's own C compiler when it makes programs for $(1), or
# the cross compiler, or nothing.
compiler   = $(firstword $(foreach c,cc gcc $(1)-linux-gnu-gcc,$(if $(filter $(1)-%,$(shell $(c) -dumpmachine 2>/dev/null)),$(c))))

# Bounds and sizes that can be set on the command line.
TIMEOUT   ?= 12m
# Where the race detector would see nothing and take ten times as long: comparisons by one goroutine over many texts, and
# tests of programs that they build and start.
UNRACED   := internal/bypass internal/same \
	internal/waas/crstest internal/waas/corpus internal/waas/gen internal/waas/own internal/waas/match
# With the race detector these run a sample, and the whole without it.
SAMPLED   := internal/simtest
# SQLite is C that was translated to Go: the race detector doesn't follow its memory, which isn't Go's, and makes it five
# times as slow. How our code uses it is still watched.
UNWATCHED := -gcflags=modernc.org/...=-race=false
BENCH     ?= .
BENCHTIME ?= 1s
FUZZTIME  ?= 10s
GOVULN    ?= v1.9.0
SEEDS     ?= 10000
STARTS    ?= 500

.DEFAULT_GOAL := help

##@ Use

.PHONY: build
build: bin/autodefend $(DEFENDERS) $(SHIMS) ## build bin/autodefend and the layer's programs for amd64 and arm64

.PHONY: bin/autodefend
bin/autodefend:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags '$(LDFLAGS)' -o $@ ./cmd/autodefend

.PHONY: $(DEFENDERS)
$(DEFENDERS): bin/defender-linux-%:
	CGO_ENABLED=0 GOOS=linux GOARCH=$* GOAMD64=v1 GOARM64=v8.0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS) -E autodefendEntry' -o $@ ./cmd/defender

.PHONY: $(SHIMS)
bin/shim-linux-amd64.so: CC_FOR = $(call compiler,x86_64)
bin/shim-linux-arm64.so: CC_FOR = $(call compiler,aarch64)
$(SHIMS): bin/shim-linux-%.so:
	@rm -f $@
	@if [ -n "$(CC_FOR)" ]; then CC="$(CC_FOR)" sh internal/preload/shim/build.sh $@; \
	else echo "No C compiler for $*: its layer will lack the tier preload. Debian has one in gcc, gcc-x86-64-linux-gnu or gcc-aarch64-linux-gnu."; fi

.PHONY: demo
demo: build ## build, then watch an estate being judged, protected and rolled back
	bin/autodefend demo

##@ Develop

.PHONY: check
check: ## formatting, linters (vet is one of them), module files; the same in CI
	$(GO) mod tidy -diff
	$(LINT) run ./...
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run internal/preload/shim/build.sh; else echo 'shellcheck is not installed: the shell scripts were not checked'; fi

.PHONY: vuln
vuln: ## known vulnerabilities in what is built in; needs the Internet
	$(GO) run golang.org/x/vuln/cmd/govulncheck@$(GOVULN) ./...

.PHONY: fmt
fmt: ## rewrite the code as gofumpt wants it
	$(LINT) fmt ./...

.PHONY: test
test: ## every test, under the race detector where it has something to see, closing with totals (TIMEOUT per package)
	CGO_ENABLED=1 $(GO) run ./internal/testtotals -race $(UNWATCHED) -timeout=$(TIMEOUT) $$($(GO) list ./... | grep -v $(addprefix -e ,$(UNRACED))) \
		+ -timeout=$(TIMEOUT) $(SAMPLED:%=./%) $(UNRACED:%=./%/...)

.PHONY: bench
bench: ## benchmarks (BENCH=regexp, BENCHTIME=1s)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime=$(BENCHTIME) -timeout=20m ./internal/...

.PHONY: fuzz
fuzz: ## each fuzz target in turn, for FUZZTIME
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file func; do \
		name=$${func#func }; \
		echo "== $$name ($${file%/*})"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime=$(FUZZTIME) "$${file%/*}" || exit 1; \
	done

.PHONY: sim-long
sim-long: ## the deterministic simulation over SEEDS seeds
	$(GO) run ./internal/testtotals -run='^TestSeeds$$' -timeout=0 ./internal/simtest -args -long -seeds=$(SEEDS)

.PHONY: same-long
same-long: ## start every program of internal/same STARTS times with the Defender
	$(GO) run ./internal/testtotals -run='^TestStarts$$' -timeout=0 ./internal/same -args -starts=$(STARTS)

.PHONY: clean
clean: ## remove what build made
	rm -rf bin

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-zA-Z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
