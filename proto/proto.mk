# The contracts' own targets, included by the Makefile.
third-party := .souk/tools/proto
gen-inputs = $(shell find proto -name '*.proto') buf.yaml buf.gen.yaml package-lock.json

proto-deps: $(third-party)/.made

$(third-party)/.made: proto/vendor.ts proto/print-proto.ts package-lock.json | install-npm
	@echo "▸ third-party .proto files, from installed packages"
	@$(NODE) proto/vendor.ts $(third-party)
	@touch $@

# Beside the tree, so that contracts at fault leave what there is as it is, and what is stale is shown and not mended.
generated := .souk/generated
generate = rm -rf $(generated) && mkdir -p $(generated)/gen && buf generate -o $(generated) && \
  buf generate $(third-party)/otlp.binpb --template mesh/observability/otlp.gen.yaml -o $(generated) && \
  buf build --as-file-descriptor-set -o $(generated)/gen/souk.binpb

gen: proto-deps ## Generate what is made from the contracts: gen/, mesh/generated/, pages of docs/
	@$(generate)
	@rm -rf mesh/generated && find gen -name '*_pb.js' -delete -o -name '*_pb.d.ts' -delete
	@cp -R $(generated)/. .

gen-check: proto-deps ## Fail when what is generated doesn't match the contracts
	@$(generate) && cp gen/package.json $(generated)/gen/
	@for path in gen mesh/generated docs/contract.md docs/event-catalogue.md; do diff -rq $$path $(generated)/$$path || stale=1; done; \
	if [ -n "$${stale:-}" ]; then \
	  echo "what is generated doesn't match the contracts: run 'make gen' and commit"; exit 1; fi

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
