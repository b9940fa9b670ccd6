# The door: `make` prints what there is. Shell of any length lives in deploy/, not here.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?=
BIN := .venv/bin
READY := .venv/.ready
PACKAGES := catalog case identity exchange

##@ Start
run: $(READY) ## start the whole platform here, until Ctrl-C (PORT=8080)
	@exec $(BIN)/onenet run

story: $(READY) ## play the main job from sign-in to certificate and check every promise
	@exec $(BIN)/onenet story

reset: $(READY) ## forget all data of the platform that `make run` keeps
	@exec $(BIN)/onenet reset

setup: $(READY) ## make .venv with the locked dependencies (PYTHON=python3.13: with that Python)

logs: ## follow a service's log: make logs S=case
	@tail -n 100 -F .onenet/logs/$(or $(S),gateway).log

##@ Check
check: ## everything that must hold: formatting, lint, types, contracts, tests
	@$(MAKE) --no-print-directory lint types contracts test

test: $(READY) ## run the tests; one folder or file: T=case-svc/tests/test_lifecycle.py, one service: S=case-svc
	@$(BIN)/pytest $(if $(T),$(T),-n 2 --dist loadgroup --durations=15 --cov --cov-report=term:skip-covered $(and $(S),$(S)/tests))

fmt: $(READY) ## format the code
	@$(BIN)/ruff check -q --fix-only --exit-zero . && $(BIN)/ruff format .

lint: $(READY) ## formatting, ruff, import contracts, declared dependencies
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports
	@for one in chassis gateway $(PACKAGES:=-svc) deploy; do (cd $$one && ../$(BIN)/deptry src) || exit 1; done

types: $(READY) ## mypy, strict
	@for one in chassis gateway $(PACKAGES:=-svc) deploy; do $(BIN)/mypy $$one/src || exit 1; done

contracts: $(READY) ## write openapi.json and asyncapi.json of each service and the table of settings
	@for one in $(PACKAGES); do for of in openapi asyncapi; do \
	  $(BIN)/python -m $${one}_svc $$of > $$one-svc/$$of.json.new && mv $$one-svc/$$of.json.new $$one-svc/$$of.json || exit 1; done; done
	@$(BIN)/onenet settings --into deploy/README.md

##@ Measure
delay: $(READY) ## how long an event takes to have its effect in another service
	@exec $(BIN)/onenet delay

chaos: $(READY) ## kill every process in turn while people work: make chaos RUNS=20 SEED=1 SPLIT=1
	@exec $(BIN)/onenet chaos $(if $(RUNS),--runs $(RUNS)) $(if $(SUBMISSIONS),--submissions $(SUBMISSIONS)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(SPLIT),--split) --report .onenet/chaos/report.json

rolling: $(READY) ## replace every process in turn while people work: make rolling ROUNDS=2
	@exec $(BIN)/onenet rolling $(if $(ROUNDS),--rounds $(ROUNDS))

bench: $(READY) ## measure what is promised, each against its baseline: make bench ROWS=1,3 ROUNDS=3
	@exec $(BIN)/python -m tests.load $(if $(ROWS),--rows $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS))

fuzz: $(READY) ## every role against the whole API, every answer checked: make fuzz ROLE=clerk SEED=7 SECONDS=90
	@exec $(BIN)/python -m tests.abuse $(if $(ROLE),--role $(ROLE)) $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(MAX),--max $(MAX))

matrix: $(READY) ## who sees what on which path: print the table and write docs/authorisation-matrix.md
	@exec $(BIN)/python -m tests.abuse.write_matrix

##@ Keep
lock: $(READY) ## renew requirements.txt from the packages' dependencies
	@$(BIN)/uv lock -q && $(BIN)/uv export -q --all-packages --all-groups --no-emit-workspace --format requirements-txt --no-header -o requirements.txt

render: ## print the Kubernetes manifests of an environment: make render ENV=dev
	@kubectl kustomize k8s/overlays/$(or $(ENV),dev)

scan: $(READY) ## scan the rendered manifests and the Dockerfile for policy (k8s/scan)
	@k8s/scan/scan

clean: ## remove caches and .venv; data stays (that is `make reset`)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.txt $(wildcard */pyproject.toml) deploy/set-up
	@PYTHON="$(PYTHON)" deploy/set-up

.PHONY: run story reset setup logs check test fmt lint types contracts delay lock render scan chaos rolling bench fuzz matrix clean help
