# Everything happens inside this folder: the virtual environment in .venv, run-time state in var/.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo up test test-all browser lint format async openapi bench lock clean
.DEFAULT_GOAL := demo

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: .venv/.ready
	$(BIN)/python -m certs_example.demo

up: .venv/.ready
	$(BIN)/python -m certs_example.up

test: .venv/.ready browser
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: .venv/.ready browser
	$(BIN)/python -m pytest -n 2

# The verifier page is tested in Debian's Chromium. Where it cannot be installed, those tests skip and say so.
browser:
	@command -v chromium >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || \
	(timeout 300 apt-get -qq update && timeout 300 apt-get -qq install -y --no-install-recommends chromium) >/dev/null 2>&1 || \
	echo "Chromium could not be installed: the tests in a browser are skipped"

lint: .venv/.ready
	$(BIN)/python clients/generate_aio.py --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

async: .venv/.ready
	$(BIN)/python clients/generate_aio.py

openapi: .venv/.ready
	$(BIN)/python -m gateway openapi openapi

bench: .venv/.ready
	$(BIN)/python -m benchmarks

lock:
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --extra gateway --extra dev --strip-extras --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv var
