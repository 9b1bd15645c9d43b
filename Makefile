# `make` lists what there is. Everything happens in .venv of this folder; `make clean` removes it.
SHELL := /bin/sh
BIN := .venv/bin
# So many files of tests at a time: most of a test is waiting.
FILES := 3
# Bytecode is what quick starts are made of.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test look testbed bench soak images podman fmt clean program development

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

demo: program ## the whole product once, with the example project, in a home of its own
	@$(BIN)/workbench demo $(DEMO)

test: development ## format, lint, types, layers, then every test; installs what they need
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target testbed look
ifdef TESTS
	$(BIN)/python -m pytest $(TESTS)
else
	@scripts/run-tests $(FILES)
endif

look:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

testbed:
	@scripts/test-setup

bench: development ## measure against the peers, print the ratios
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

soak: development ## the long forms of the tests
	@scripts/test-setup
	$(BIN)/python -m pytest -m soak --timeout=7200 --durations=12 tests

images: development ## build the shipped environments that `make test` does not, and use them
	@scripts/test-setup
	$(BIN)/python -m pytest -m images tests

podman: development ## the contract of engines and the main job on Podman; on it and on Docker as an ordinary account
	@scripts/test-setup
	@code=0; for which in "" "--rootless" "--rootless --docker"; do \
		echo "== scripts/podman-for-tests $$which"; \
		$(BIN)/python scripts/podman-for-tests $$which || code=1; \
	done; exit $$code

fmt: development ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove .venv, caches and what builds left; homes and projects stay
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

program:
	@scripts/setup program

development:
	@scripts/setup development
