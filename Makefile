# The front door: `make help` lists what there is. Everything installed goes into node_modules/ and .souk/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# First on the PATH, so that `node` is the Node 24 that npm brings, whatever the machine's is.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
NODE := node
launcher := $(NODE) mesh/local/cli.ts

include proto/proto.mk

##@ The shop
# Variables of these: GATEWAY_PORT (8080), DASHBOARD_PORT (8090), REPLICAS (2), MESH (sidecars, gateway or none), EVENTS
# (embedded, or nats), DB (single, or ha), DETACH=1, OBSERVE=1 (a Prometheus too), SERVICE, FOLLOW=1, YES=1, SOUK_HOME
# (.souk).

up: install ## Start the shop: Ctrl-C stops it, DETACH=1 returns when it serves
	@exec $(launcher) up

down: install-npm ## Stop the shop; its data is kept
	@$(launcher) down

status: install-npm ## Tell what runs: ports, health, uptime, memory
	@$(launcher) status || [ $$? -eq 3 ]

logs: install-npm ## Show logs: SERVICE=order, order-1, postgres, envoy, access or launcher; FOLLOW=1 goes on
	@exec $(launcher) logs

seed: install-npm ## Load 1,000 products and the first admin, whose password is printed once
	@$(launcher) seed

scale: install-npm ## Change how many instances a service has: SERVICE=product REPLICAS=4
	@$(launcher) scale

restart: install-npm ## Exchange a service's instances one by one, without a failed call: SERVICE=order
	@$(launcher) restart

canary: install-npm ## Give a new version a part of the calls: SERVICE=product VERSION=commit-or-folder PERCENT=10
	@$(launcher) canary

promote: install-npm ## The canary's version becomes the service's: SERVICE=product
	@$(launcher) promote

rollback: install-npm ## End the canary: SERVICE=product
	@$(launcher) rollback

transactions: install-npm ## Show the distributed transactions in flight
	@$(launcher) transactions

events: install-npm ## Show who reads whose events, and what is parked: EVENT=id, REPLAY=id or all, DISCARD=id, FORGET=consumer
	@$(launcher) events

check-queries: install-npm ## Tell which queries of dashboards, rules and alerts have no data in Prometheus: SERVICE=order
	@$(NODE) mesh/observability/check-queries.ts

rebuild: install-npm ## Make a service's copies of others' data anew: SERVICE=order
	@$(launcher) rebuild

reset: install-npm ## Remove all data of the shop, after asking (YES=1 doesn't ask)
	@$(launcher) reset

##@ Development

install: install-npm install-envoy ## Install packages, Envoy and nats-server, where they are missing
	@$(launcher) install-nats || echo "souk: without it EVENTS=nats doesn't work, and its tests are skipped"

test: check install-manifest-checks ## All checks, then unit, integration and end-to-end tests (a running shop doesn't disturb them)
	@echo "▸ tests"
	@vitest run --project unit --project integration --project e2e

test-deep: install ## The transactions' model, a million histories (RUNS and SEED change which)
	@RUNS=$${RUNS:-1000000} vitest run --project unit services/order/model/model.test.ts

# Variables: CHROMIUM_BIN, OTELCOL_BIN, FLUENT_BIT_BIN, SCREENSHOTS=1 (takes docs/images anew).
verify: install install-chromium ## The tests that take longer: failures under load, soaks, the dashboard in a browser
	@vitest run --project verify

# Variables: MINUTES (5), SEED (to do again what a run did), REPLICAS (2), DB (single, or ha), EVENTS (embedded, or
# nats), WORKERS (12).
chaos: install ## Make a shop of its own fail while it takes orders, and check that none is lost or done twice
	@exec $(NODE) test/chaos/chaos.ts

check: install proto-deps ## Types, lint, format, contracts, generated code
	@echo "▸ types" && tsc -p . && tsc -p mesh/dashboard/page
	@echo "▸ lint and format" && biome check --error-on-warnings
	@echo "▸ contracts" && $(MAKE) --no-print-directory proto-lint
	@echo "▸ generated code" && $(MAKE) --no-print-directory gen-check

lint: install-npm proto-deps ## Types, lint and format of code and contracts
	@tsc -p . && tsc -p mesh/dashboard/page && biome check --error-on-warnings && $(MAKE) --no-print-directory proto-lint

audit: install-npm ## Known weaknesses of the packages, high and critical ones (asks npm's registry)
	@npm audit --audit-level=high

fmt: install-npm ## Format code and contracts
	@biome check --write && buf format --write proto

# Variables: ONLY=calls,telemetry,events,orders,latency,meshes,memory,growth (all but the last), FILL=1 (growth too, some minutes), ROUNDS
# (5), SECONDS (3), CONCURRENCY (64), REPLICAS (2), MINUTES (1, of memory), ORDERS (a million, of growth), PGBENCH_BIN.
bench: install ## Measure speed, cost and memory of calls, orders and events, against pgbench, DBOS, pg-boss and a bare server
	@$(NODE) bench/bench.ts

# Variables: RATE (50 calls a second), DURATION (60s), MIX (shop, browse, checkout or hot), PROFILE (steady, ramp or
# step), SEED, WARMUP, FIND=max, COMPARE=report.json; docs/load-testing.md has the rest.
load: install-npm ## Load the shop that runs: RATE=300 DURATION=60s MIX=shop; FIND=max, COMPARE=report.json
	@exec $(NODE) bench/load/load.ts

# Variables: TAG (0.1.0), PREFIX (souk): PREFIX/order:TAG.
images: ## Build the services' images, by Docker
	@for service in user product order; do \
	  docker build --build-arg SERVICE=$$service --tag $${PREFIX:-souk}/$$service:$${TAG:-0.1.0} . || exit 1; done

help: ## This list
	@awk 'BEGIN { FS = ":[^#]*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile proto/proto.mk

# npm writes this file at the end of an installation.
installed := node_modules/.package-lock.json

install-npm: $(installed)

$(installed): package-lock.json package.json
	@command -v npm > /dev/null && node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' || \
	  { echo "souk: Node 20 or newer with npm is needed: install it and try again"; exit 1; }
	@echo "▸ packages from npm"
	@npm ci --no-audit --no-fund --loglevel=error
	@node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+(major * 100 + +minor < 2407))' || \
	  { echo "souk: npm did not bring Node 24: install Node 24.7 or newer and try again"; exit 1; }
	@touch $(installed)

install-envoy: install-npm
	@$(launcher) install-envoy

install-nats: install-npm
	@$(launcher) install-nats

# What the dashboard's tests use, from Debian's package.
install-chromium: install-npm
	@$(NODE) mesh/dashboard/browser/install.ts

# What the tests check mesh/kubernetes and the Dockerfile by.
install-manifest-checks: install-npm
	@$(NODE) mesh/kubernetes/checks/install.ts

.PHONY: up down status logs seed scale restart canary promote rollback transactions events check-queries rebuild reset install install-npm install-envoy install-nats install-manifest-checks install-chromium test test-deep verify chaos check lint audit fmt bench load images help
