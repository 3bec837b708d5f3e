# The contracts' own targets, included by the Makefile.
third-party := .souk/tools/proto
gen-inputs = $(shell find proto -name '*.proto') buf.yaml buf.gen.yaml package-lock.json

proto-deps: $(third-party)/.made

$(third-party)/.made: proto/vendor.ts proto/print-proto.ts package-lock.json | install-npm
	@echo "▸ third-party .proto files, from installed packages"
	@$(NODE) proto/vendor.ts $(third-party)
	@touch $@

gen: proto-deps ## Generate gen/ from the contracts
	@find gen -name '*_pb.js' -delete -o -name '*_pb.d.ts' -delete
	@buf generate
	@buf build --as-file-descriptor-set -o gen/souk.binpb

# Generates beside gen/ and compares, so that a stale gen/ is shown and not mended.
gen-check: proto-deps ## Fail when gen/ doesn't match the contracts
	@rm -rf .souk/gen && mkdir -p .souk/gen && cp gen/package.json .souk/gen/
	@buf generate -o .souk && buf build --as-file-descriptor-set -o .souk/gen/souk.binpb
	@diff -rq gen .souk/gen || { echo "gen/ doesn't match the contracts: run 'make gen' and commit"; exit 1; }

# Compares with the contract of BASE: main, or, on main itself, the commit before. Its descriptor set is committed, so
# the old sources' third-party files aren't needed.
breaking: proto-deps ## Fail when the contracts break those of main (BASE=commit to name another)
	@base=$${BASE:-$$(if [ "$$(git rev-parse HEAD)" = "$$(git rev-parse -q --verify main)" ]; then \
	  git rev-parse -q --verify HEAD~1; else git rev-parse -q --verify main; fi)}; \
	if [ -z "$$base" ] || ! git cat-file -e "$$base:gen/souk.binpb" 2>/dev/null; then \
	  echo "breaking: skipped, there is no earlier contract to compare with"; \
	else git show "$$base:gen/souk.binpb" > .souk/breaking-base.binpb && \
	  buf build -o .souk/breaking-now.binpb && \
	  buf breaking .souk/breaking-now.binpb --against .souk/breaking-base.binpb && echo "breaking: none against $$base"; fi

proto-lint: proto-deps ## Lint the contracts and check their format
	@buf lint && buf format --diff --exit-code proto

.PHONY: proto-deps gen gen-check breaking proto-lint
