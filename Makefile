.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(PATH):/usr/local/go/bin

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
# What to test and with what, such as: make test RACE=1 PACKAGES=./store/... TESTFLAGS='-run Isolation -v'
PACKAGES ?= ./...
TESTFLAGS ?= -timeout 15m
# How long each fuzz target runs: make fuzz FUZZTIME=1m PACKAGES=./ingest/...
FUZZTIME ?= 10s
RACE ?=

.PHONY: help setup build run test lint bench fuzz docker clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 10

setup: ## Install PostgreSQL and pgvector where they are missing
	@scripts/setup.sh

build: ## Build bin/lindero
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/lindero ./cmd/lindero

run: setup build ## Start Lindero with a private database and demo tenants (Ctrl-C stops it)
	@go build -o bin/foreground ./internal/foreground
	@exec bin/foreground bin/lindero dev

test: setup ## Run the whole test suite on a throw-away database (RACE=1: with the race detector)
	go run ./internal/pgtest/cmd/withpg -- go test $(if $(RACE),-race) $(TESTFLAGS) $(PACKAGES)

lint: ## Check the code (golangci-lint where installed, else go vet and the import rules)
	@if command -v golangci-lint >/dev/null; then golangci-lint run; else go vet ./... && go test ./internal/architecture; fi

bench: setup ## Run the benchmarks
	go run ./internal/pgtest/cmd/withpg -- go test -run '^$$' -bench . -benchmem $(PACKAGES)

fuzz: ## Run each fuzz target for FUZZTIME
	@scripts/fuzz.sh $(FUZZTIME) $(PACKAGES)

docker: ## Build the container image lindero:latest
	docker build --build-arg VERSION=$(VERSION) -t lindero .

clean: ## Remove what was built; the data in .lindero stays
	rm -rf bin
