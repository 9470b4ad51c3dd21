# What developers and CI run. `make` alone lists the targets.
GO   ?= go
TOOL := $(GO) tool -modfile=tools.mod

# The example of a team, a Go module of its own.
ACME := tests/extension/acme

# PocketBase for make bench to compare with, a Go module of its own too.
PEER := tests/load/peer/pocketbase

# The Go client, a Go module of its own so that what Leadmill needs is nothing that it needs.
SDK := sdk/go

# Its examples that need a database or a broker, a module of their own too.
CONSUMERS := sdk/go/example/consumers

# The program that builds releases, with modules that Leadmill does not need.
RELEASE := scripts/release

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build generate fmt fmt-check vet lint generate-check api-check api-baseline api-diff openapi-diff test-setup test test-fast test-race test-browser test-brokers test-clients test-mariadb test-mysql-compatible test-release check bench soak release assets screenshots clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve a demo seller on an SQLite file in ./data, and print a curl line that sells a lead
	@echo 'building Leadmill: a minute or two the first time, seconds after that'
	@$(GO) run ./cmd/leadmill demo

build: ## Build bin/leadmill, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -tags nomsgpack -o bin/leadmill ./cmd/leadmill

generate: ## Write the generated code again
	$(GO) generate ./...
	scripts/generate-typescript.sh

fmt: ## Format the code
	$(TOOL) golangci-lint fmt

fmt-check:
	@unformatted=$$(gofmt -l $(wildcard *.go */)) && test -z "$$unformatted" || \
		{ printf 'not formatted, run make fmt:\n%s\n' "$$unformatted" >&2; exit 1; }

vet:
	$(GO) vet ./...
	cd $(ACME) && $(GO) vet ./... && $(GO) mod tidy -diff
	cd $(PEER) && $(GO) vet ./... && $(GO) mod tidy -diff
	cd $(RELEASE) && $(GO) vet ./... && $(GO) mod tidy -diff
	cd $(SDK) && $(GO) vet ./... && $(GO) mod tidy -diff
	cd $(CONSUMERS) && $(GO) vet ./... && $(GO) mod tidy -diff

lint: ## Run the linters (the first run builds them)
	$(TOOL) golangci-lint run
	cd $(ACME) && $(GO) tool -modfile=$(CURDIR)/tools.mod golangci-lint run
	cd $(PEER) && $(GO) tool -modfile=$(CURDIR)/tools.mod golangci-lint run
	cd $(RELEASE) && $(GO) tool -modfile=$(CURDIR)/tools.mod golangci-lint run
	cd $(SDK) && $(GO) tool -modfile=$(CURDIR)/tools.mod golangci-lint run
	cd $(CONSUMERS) && $(GO) tool -modfile=$(CURDIR)/tools.mod golangci-lint run

generate-check:
	scripts/check-generated.sh

api-check:
	@$(GO) run ./tests/api/cmd/api check

api-baseline: ## Write the baseline of the public Go packages, which is in ./api, again
	$(GO) run ./tests/api/cmd/api baseline

api-diff: ## Say what the public Go packages offer otherwise than at REV (main when none is given)
	@scripts/api-diff.sh $(or $(REV),main)

openapi-diff: ## Say what the OpenAPI document means otherwise than at REV (main when none is given)
	@mkdir -p bin && git show $(or $(REV),main):ports/http/openapi.yaml >bin/openapi-before.yaml
	@$(TOOL) oasdiff diff bin/openapi-before.yaml ports/http/openapi.yaml

test-setup: ## Install all that tests need: MySQL, MariaDB, Redis, Chromium, npm packages, a C compiler (PKG=./domain/... for what these need)
	SETUP=only RACE=1 scripts/test.sh sqlite,mysql,mariadb $(or $(PKG),./...)

test test-fast test-race test-browser test-brokers test-clients test-mariadb test-mysql-compatible: export ARGS := $(ARGS)

test: ## Test the core on SQLite and MySQL (PKG=./domain/... for less, ARGS='-run Name -v')
	scripts/test.sh sqlite,mysql $(or $(PKG),core)

test-fast: ## Test most of it on SQLite in under a minute: no server, no browser
	scripts/test.sh sqlite $(or $(PKG),fast)

# Stores and the event log do otherwise on MySQL than on SQLite; what stands above them does the same on both.
test-race: ## Test with the race detector where memory is shared: all of it on SQLite, stores and event log on MySQL too
	RACE=1 scripts/test.sh sqlite $(or $(PKG),core)
	RACE=1 scripts/test.sh mysql $(or $(PKG),./adapters/... .)

test-browser: ## Test in a browser what only a browser shows
	scripts/test.sh sqlite,mysql ./tests/browser ./tests/chromium

test-brokers: ## Test with servers that instances may share beside the database: rate limits in Redis, events in Redis and RabbitMQ
	scripts/test.sh sqlite ./tests/brokers

test-clients: ## Drive the built binary with our clients and those of others: generated ones, Partnero's requests from PHP, validators
	scripts/test.sh sqlite,mysql ./tests/clients

test-mariadb: ## Test the store on MariaDB (PKG=./... for everything)
	scripts/test.sh mariadb $(or $(PKG),./adapters/...)

test-mysql-compatible: ## Test store, event log and components on the server of LEADMILL_TEST_MYSQL_DSN, such as TiDB
	@test -n "$$LEADMILL_TEST_MYSQL_DSN" || \
		{ echo 'LEADMILL_TEST_MYSQL_DSN must name a server, such as root:password@tcp(127.0.0.1:4000)/; its user must be able to create databases' >&2; exit 2; }
	scripts/test.sh mysql $(or $(PKG),./adapters/... ./tests/component/...)

test-release: ## Build a release for this machine and look at what is in it
	cd $(RELEASE) && $(GO) test ./...

release: ## Build static programs, an OCI image, an SBOM and checksums of the commit in ./dist, which must not be there
	cd $(RELEASE) && $(GO) run . -source $(CURDIR) -out $(CURDIR)/dist $(ARGS)

check: fmt-check vet lint generate-check api-check build test test-race test-browser test-mariadb ## Everything CI requires but test-clients, test-brokers and test-release

soak: ## Search for an hour: a million fuzzed requests, 200 kills on each engine
	LEADMILL_TEST_FUZZ=500000 LEADMILL_TEST_FUZZ_MINUTES=50 LEADMILL_TEST_KILLS=200 \
		ARGS='-v -timeout 90m -count=1 -run FuzzedRequests|ProcessKilledUnderLoad' scripts/test.sh sqlite,mysql ./tests/fuzz ./tests/fault

bench: ## Measure leads a second (ARGS='-h' lists the options)
	scripts/test-setup.sh mysql mariadb
	$(GO) run ./tests/load/cmd/bench $(ARGS)

assets: ## Write the files of npm packages again that the console's pages load, at the versions of scripts/assets.sh
	scripts/assets.sh

screenshots: ## Take the pictures of the documentation again, of the demo, in a browser
	LEADMILL_TEST_PICTURES=$(CURDIR)/docs/images ARGS='-count=1 -run TestTheDemoIsWalkedThrough' scripts/test.sh sqlite ./tests/browser

clean: ## Remove what was built (keeps ./data and the test databases in ./.cache)
	rm -rf bin coverage.out
