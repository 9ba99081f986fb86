# Two commands are all there is to know: make run, make test. The others are for who works on HelpDesk.

SHELL       := /bin/sh
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
WEB_SOURCES := $(shell find web/src web/public web/tools web/index.html web/vite.config.ts web/tsconfig.json -not -path '*/node_modules*' 2>/dev/null)

.PHONY: run test dev quick gen bench soak build web lint help

help:
	@echo 'make run    build everything, start a server on this machine, print a link to sign in'
	@echo 'make test   install what the tests need and run all of them'
	@echo
	@echo 'make dev    the server, and the page with reload, for working on them'
	@echo 'make quick  the inner loop: vet, our rules, short tests'
	@echo 'make gen    make all generated files anew'
	@echo 'make lint   all linters'
	@echo 'make bench  measure, with ratios to the limits measured in the same run'
	@echo 'make soak   the tests with their full counts, then fuzzing (FUZZTIME=10m a target); takes hours'

run: build
	@scripts/need bubblewrap
	@exec bin/helpdesk serve

build: web
	@scripts/tools go
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/helpdesk ./cmd/helpdesk

web: web/dist/index.html

web/node_modules/.package-lock.json: web/package-lock.json
	@scripts/tools node npm
	npm --prefix web ci --no-audit --no-fund --no-update-notifier
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json web/package.json $(WEB_SOURCES)
	npm --prefix web run --silent build -- --logLevel warn
	@touch $@

test:
	@scripts/test

dev: build
	@scripts/dev

quick:
	go vet ./...
	go test ./internal/lint
	go test -short ./...

gen:
	@scripts/gen

lint:
	@scripts/lint

bench: web
	@scripts/bench

soak: web
	@scripts/soak
