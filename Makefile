# One command from a fresh clone: `make demo` or `make test`. `make` alone lists the targets.
PYTHON      ?= python3
TORCH_INDEX ?=
DEMO_ARGS   ?=
TEST_ARGS   ?= -n auto --maxprocesses 4

VENV       := .venv
BIN        := $(VENV)/bin
PIP        := $(BIN)/python -m pip --disable-pip-version-check
STAMP      := $(VENV)/.installed
NODE_STAMP := docs/node_modules/.installed

# Silences a notice that mkdocs-material prints at every build.
export NO_MKDOCS_2_WARNING = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test test-slow lint format docs docs-serve figures release-check clean distclean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PYTHON=python3.12            the interpreter to build .venv with (>= 3.11)"
	@echo "  TORCH_INDEX=https://download.pytorch.org/whl/cpu"
	@echo "                               index to install torch from (here the CPU build)"
	@echo "  DEMO_ARGS='--seed 1'         more options for the demo;  TEST_ARGS=... for pytest"

venv: $(STAMP) ## Make .venv and install everything for the demo, the tests and the docs

# The stamp is written last, so an interrupted installation is resumed. A .venv without a working pip
# (its creation was interrupted) or with an old Python is replaced; --clear empties it.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "$(PYTHON) not found: install Python >= 3.11 or name one, as in: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "kuramoto_nn needs Python >= 3.11, but $(PYTHON) is %d.%d; name another one, as in: make PYTHON=python3.12" % v[:2])'
	@{ $(BIN)/python -c 'import sys; sys.exit(sys.prefix == sys.base_prefix or sys.version_info < (3, 11))' \
		&& $(PIP) --version; } >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
		|| { echo "could not create $(VENV): is the venv module installed? (Debian/Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## Train on Tetrominoes for ten minutes, score it, write runs/demo/report.html
	$(BIN)/python -m examples.object_discovery.demo --out runs/demo --time-limit 600 $(DEMO_ARGS)

test: $(STAMP) ## Run the tests and the doctests
	$(BIN)/python -m pytest $(TEST_ARGS)

test-slow: $(STAMP) $(NODE_STAMP) ## Run the tests that `make test` leaves out
	$(BIN)/python -m pytest -m slow $(TEST_ARGS)

lint: $(STAMP) ## ruff check, ruff format --check, pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(STAMP) ## Fix and format the code with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) $(NODE_STAMP) ## Build the documentation into site/ (needs Node.js with npm)
	$(BIN)/mkdocs build --strict --quiet

$(NODE_STAMP): docs/package.json docs/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "npm not found: the documentation needs Node.js with npm (Debian/Ubuntu: apt install npm)" >&2; exit 1; }
	npm ci --prefix docs --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

figures: $(STAMP) ## Draw the figures of the documentation into docs/images
	$(BIN)/python -m docs.tools.figures

docs-serve: $(STAMP) $(NODE_STAMP) ## Serve the documentation on http://127.0.0.1:8000
	$(BIN)/mkdocs serve

release-check: $(STAMP) ## Build wheel and sdist and try each in an empty environment
	.ci/release-check

clean: ## Remove caches and built files (keeps .venv and runs/)
	rm -rf build dist site .pytest_cache .ruff_cache .hypothesis
	find src examples tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean ## ... and .venv and docs/node_modules
	rm -rf $(VENV) docs/node_modules
