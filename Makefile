# What people type. `make demo` and `make test` need Python 3.11+ with venv, and nothing else.

PYTHON ?= python3
UV ?= uv
RUN := .venv/bin/python

# What a shell may have set for other projects stays outside.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE DJANGO_SETTINGS_MODULE
export PYTHONUTF8 = 1
export PYTHONUNBUFFERED = 1

.PHONY: help demo serve test lint lint-types lint-tests lint-style-and-settings bench chaos messages lock clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    try the site on http://localhost:8000 (PORT=8001 for another port), Ctrl-C stops it"
	@echo "make serve   run the site for real: web and worker (see docs/operating.md)"
	@echo "make test    run the tests (ARGS='-k holds' for some of them)"
	@echo "make lint    check style, types, migrations and the production settings"
	@echo "make bench   measure links, webhooks, slots, meetings and the forecast"
	@echo "make chaos   have 2,000 orders paid while everything breaks, and check every cent (ARGS='--orders 200' for fewer)"
	@echo "make messages bring the translations up to date (docs/translating.md)"
	@echo "make lock    pin the newest versions of what we depend on (needs uv)"
	@echo "make clean   remove what can be made again; the data in var/ stays"

demo: .venv/.ok
	@$(RUN) manage.py demo

serve: .venv/.ok
	@$(RUN) manage.py migrate
	@$(RUN) manage.py collectstatic --noinput --verbosity 0
	@$(RUN) manage.py serve

# One process more than cores: each waits now and then, for its database or a vendor's silence
test: .venv/.ok
	@$(RUN) -m pytest --numprocesses $$($(RUN) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))') --dist worksteal --durations 30 $(ARGS)

bench: .venv/.ok
	@$(RUN) -m bench $(ARGS)

chaos: .venv/.ok
	@$(RUN) -m bench.chaos $(ARGS)

# The settings of a site in production, as far as `check --deploy` asks for them
PRODUCTION := DEBUG=0 SECRET_KEY=only-for-the-check-0123456789-abcdefghijklmnopqrstuvwxyz \
	SITE_URL=https://linkpool.example ADMINS=admin@linkpool.example MIDTRANS_SERVER_KEY=only-for-the-check \
	EMAIL_URL=smtp://localhost:25 DEFAULT_FROM_EMAIL=lessons@linkpool.example SSL_REDIRECT=1 ENV_FILE=/dev/null

lint: .venv/.ok
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint-types lint-style-and-settings lint-tests

lint-types:
	$(RUN) -m mypy .

# Every test can be imported; what Python makes of them is kept for the run.
lint-tests:
	@said=$$($(RUN) -m pytest --collect-only -qqq 2>&1) || { echo "$$said"; exit 1; }

lint-style-and-settings:
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(RUN) manage.py check --deploy
	@if $(PRODUCTION) SECRET_KEY= SITE_URL= $(RUN) manage.py check --deploy >/dev/null 2>&1; then \
		echo "check --deploy must refuse a site without SECRET_KEY and SITE_URL"; exit 1; fi

messages: .venv/.ok
	@$(RUN) manage.py messages

lock:
	$(UV) pip compile $(LOCK) requirements/base.in --output-file requirements/base.txt
	$(UV) pip compile $(LOCK) requirements/dev.in --constraint requirements/base.txt --output-file requirements/dev.txt
	$(UV) pip compile $(LOCK) requirements/browser.in --constraint requirements/dev.txt --output-file requirements/browser.txt
	$(UV) pip compile $(LOCK) requirements/bench.in --constraint requirements/base.txt --output-file requirements/bench.txt
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header

clean:
	rm -rf .venv var/bench-package staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ok: requirements/dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is \
	%d.%d: name another with make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python cannot make virtual environments: install python3-venv (on Debian and Ubuntu)."; exit 1; }
	@echo "Installing what the site needs into .venv (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@touch $@
