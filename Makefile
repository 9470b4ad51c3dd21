# What developers and CI run. `make` alone lists the targets.
GO   ?= go
TOOL := $(GO) tool -modfile=tools.mod

# The race detector needs a C compiler; RACE= turns it off.
RACE ?= $(if $(shell command -v gcc || command -v clang),-race)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build generate fmt fmt-check vet lint generate-check openapi-diff test-setup testdb test test-mariadb check bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Serve a demo seller on an SQLite file in ./data, and print a curl line that sells a lead
	$(GO) run ./cmd/leadmill demo

build: ## Build bin/leadmill, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/leadmill ./cmd/leadmill

generate: ## Write the generated code again
	$(GO) generate ./...

fmt: ## Format the code
	$(TOOL) golangci-lint fmt

fmt-check:
	@unformatted=$$(gofmt -l $(wildcard *.go */)) && test -z "$$unformatted" || \
		{ printf 'not formatted, run make fmt:\n%s\n' "$$unformatted" >&2; exit 1; }

vet:
	$(GO) vet ./...

lint: ## Run the linters (the first run builds them)
	$(TOOL) golangci-lint run

generate-check:
	scripts/check-generated.sh

openapi-diff: ## Say what the OpenAPI document means otherwise than at REV (main when none is given)
	@mkdir -p bin && git show $(or $(REV),main):ports/http/openapi.yaml >bin/openapi-before.yaml
	@$(TOOL) oasdiff diff bin/openapi-before.yaml ports/http/openapi.yaml

test-setup: ## Install what tests start (MySQL, MariaDB, Chromium)
	scripts/test-setup.sh mysql mariadb chromium

testdb:
	@$(GO) build -buildvcs=false -o bin/testdb ./tests/dbtest/cmd/testdb

test test-mariadb: export RACE := $(RACE)
test test-mariadb: export ARGS := $(ARGS)

test: testdb ## Test everything on SQLite and MySQL (PKG=./domain/... for less, ARGS='-run Name -v')
	scripts/test-setup.sh mysql chromium
	LEADMILL_TEST_ENGINES=sqlite,mysql bin/testdb -engines mysql scripts/test.sh $(PKG)

test-mariadb: testdb ## Test the store on MariaDB (PKG=./... for everything)
	scripts/test-setup.sh mariadb $(if $(PKG),chromium)
	LEADMILL_TEST_ENGINES=mariadb bin/testdb -engines mariadb scripts/test.sh $(or $(PKG),./adapters/...)

check: fmt-check vet lint generate-check build test test-mariadb ## Everything CI requires

bench: ## Measure leads a second (ARGS='-h' lists the options)
	scripts/test-setup.sh mysql mariadb
	$(GO) run ./tests/load/cmd/bench $(ARGS)

clean: ## Remove what was built (keeps ./data and the test databases in ./.cache)
	rm -rf bin coverage.out
