# Every target does its own set-up on a bare Debian 12 or Ubuntu with Python 3.11 or newer.
# `make test` is what has to pass; CONTRIBUTING.md says more.

PY := .venv/bin/python
STAMP := .venv/installed
JUDGES := build/judges/installed
CODE := careerrelay cli connectors engine link_signing mail models webhook_server
WHOLE := connectors/signatures.py,engine/eligibility.py,link_signing/*,mail/dkim.py,mail/injection/*
COMPILER = gcc=cc libc6-dev=/usr/include/stdio.h $$($$(.ci/python) -c 'import sys, sysconfig; \
	print("python%d.%d-dev" % sys.version_info[:2] + "=" + sysconfig.get_path("include") + "/Python.h")')
CHECKED := $(filter-out careerrelay,$(CODE)) careerrelay/__init__.py careerrelay/__main__.py setup.py \
	tests $(wildcard examples bench)

.DEFAULT_GOAL := help
.PHONY: help install system test pytest check format demo compiled bench docs soak clean

help:
	@echo "make test     lint, types, import contracts, all tests on SQLite and PostgreSQL, coverage"
	@echo "make check    only the first three"
	@echo "make format   let ruff put the code in order"
	@echo "make demo     a sandbox ATS, the server and a mailbox to click through; ONCE=1: without hands"
	@echo "make compiled a wheel in dist/compiled whose injection engine is compiled, for this Python and machine"
	@echo "make bench    measurements, as a table and build/bench.json; about 25 minutes, ARGS=--full hours"
	@echo "make soak     long runs under kills and full disks; minutes"
	@echo "make docs     write the generated pages again"

install: $(STAMP)

# The stamp is written last, so an installation that was cut off is begun again.
$(STAMP): setup.cfg setup.py pyproject.toml
	@python=$$(.ci/python) && { test -x $(PY) || "$$python" -m venv .venv; }
	$(PY) -m pip install -qq --disable-pip-version-check --editable '.[postgresql,tracing,testing,dev]'
	@touch $@

# The browser that the page tests drive, and fonts so that Japanese is no row of boxes; a mail
# server, a signing milter, a second DKIM verifier and two more readers for the mail tests; what
# checks the example units; what the injection engine is compiled with.
# Without them, and without the right to install them, those tests skip - except in CI.
system:
	@.ci/system-packages chromium=chromium chromium-driver=chromedriver \
		fonts-noto-cjk=/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc \
		|| test -z "$$CI"
	@.ci/system-packages postfix=/usr/sbin/postfix opendkim=/usr/sbin/opendkim \
		libmail-dkim-perl=/usr/share/perl5/Mail/DKIM/Verifier.pm \
		|| test -z "$$CI"
	@.ci/system-packages systemd=/usr/bin/systemd-analyze \
		|| test -z "$$CI"
	@.ci/system-packages $(COMPILER) || test -z "$$CI"
	@.ci/system-packages nodejs=node npm=npm libmime-tools-perl=/usr/share/perl5/MIME/Parser.pm \
		&& $(MAKE) --no-print-directory $(JUDGES) \
		|| test -z "$$CI"

# The packages of the reader in Node that judges the mail tests.
$(JUDGES): tests/mail/judges/package.json
	@mkdir -p $(@D)
	@cp $< $(@D)/
	npm install --prefix $(@D) --no-package-lock --no-audit --no-fund --ignore-scripts --silent
	@touch $@

test: check pytest

# In CI, where no reader of mails is missing, the parts in which a mistake costs most are covered to
# the last branch.
pytest: $(STAMP) system
	$(PY) -m pytest -n 2 --cov --cov-report=term --cov-fail-under=90 $(ARGS)
	@test -z "$$CI" -o -n "$(ARGS)" || $(PY) -m coverage report --fail-under=100 --include='$(WHOLE)'

check: $(STAMP)
	$(PY) -m ruff format --check $(CHECKED)
	$(PY) -m ruff check $(CHECKED)
	.venv/bin/basedpyright --warnings
	.venv/bin/lint-imports --config setup.cfg --no-cache

format: $(STAMP)
	$(PY) -m ruff format $(CHECKED)
	$(PY) -m ruff check --fix $(CHECKED)

demo: $(STAMP)
	.venv/bin/careerrelay demo $(if $(ONCE),--once)

# Through an sdist, so that nothing an earlier build has left behind gets in.
compiled: $(STAMP)
	@.ci/system-packages $(COMPILER)
	CAREERRELAY_COMPILE=1 $(PY) -m build --no-isolation --outdir dist/compiled

bench: $(STAMP)
	$(PY) -m bench $(ARGS)

soak: $(STAMP)
	$(PY) -m bench.soak $(ARGS)

docs: $(STAMP)
	.venv/bin/careerrelay docs

clean:
	rm -rf .venv build dist *.egg-info .coverage* .pytest_cache .ruff_cache
