# make book   environment, data, chapters executed by papermill, HTML book in book/_build/html
# make test   environment, ruff, unit tests, notebooks under nbmake, the built book in a browser
# make pdf    the whole book as book/_build/book.pdf, solutions unfolded, printed by Chromium
# make lab    JupyterLab on the chapter sources
# make lock   requirements.txt anew from requirements.in: versions and checksums of all packages
# make clean  remove everything that make made, but keep the environment
#
# Every step is a real file target: a second `make book` executes nothing again, and editing one
# facelib module executes again only the chapters that import it (see book/dependencies.py).

PYTHON ?= python3.11
JOBS ?= 2

BIN := .venv/bin
STAMP := .venv/installed
BUILD := book/_build
DEPENDENCIES := $(BUILD)/chapters.mk
# Not below a folder called _build, which nbmake passes over.
TEST := .test_book
TEST_SOURCE := $(TEST)/source
# Tests that open pages in a browser.
BROWSED := $(addprefix tests/test_,\
	book.py mesh_views.py own_photos.py own_photos_browsers.py pages.py pdf.py \
	pictures_in_browser.py viewer.py)
VALIDATOR := tests/web/node_modules/gltf-validator/package.json

NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
CHAPTERS := $(NOTEBOOKS:notebooks/%=book/chapters/%)
MODULES := $(shell find facelib -name '*.py' 2>/dev/null)
PAGES := $(shell find book -type f -not -path '*/_build/*' -not -path 'book/chapters/*' \
	-not -path 'book/parameters/*' -not -path '*/__pycache__/*' \
	-not -name compile_kernels.py -not -name dependencies.py -not -name solutions.py)
PAGES += _config.yml _toc.yml

# The program of the page "Your own two photos", which npm puts together.
OWN_PHOTOS := web/build/page/own_photos.js
OWN_PHOTOS_FROM := $(wildcard web/source/*) web/build.js web/pack.py web/package-lock.json \
	$(wildcard data/head/*) data/dense/dense.onnx data/dense/dense.errors.npz
ifneq ($(shell command -v npm),)
PAGES += $(OWN_PHOTOS)
endif

# One thread a chapter: several chapters run side by side, and more threads would only compete.
export OMP_NUM_THREADS ?= 1
export NUMBA_NUM_THREADS ?= 1
# The kernels of the notebooks are found in the environment, never in the user's own folders.
export JUPYTER_PREFER_ENV_PATH := 1
# Python keeps the bytecode of facelib, which hundreds of processes import.
unexport PYTHONDONTWRITEBYTECODE
# Nothing phones home, also where a tool imports ONNX Runtime or the hub before facelib.
export ORT_DISABLE_TELEMETRY := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Matplotlib's list of fonts, which it would keep in the user's home.
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib

INSTALL = $(BIN)/python -m pip install --quiet --no-deps --require-hashes
JUPYTER_BOOK = $(BIN)/jupyter-book build --quiet -W --keep-going --config _config.yml

.PHONY: book html pdf test lint unit notebooks browser chromium validator lab lock clean
.DELETE_ON_ERROR:

book: $(STAMP)
	@$(MAKE) --no-print-directory -j$(JOBS) html
	@echo "The book is at $(BUILD)/html/index.html"

html: $(BUILD)/built

pdf: $(STAMP) chromium
	@$(MAKE) --no-print-directory -j$(JOBS) $(CHAPTERS)
	$(BIN)/python book/pdf.py book $(BUILD)/book.pdf
	@echo "The book is at $(BUILD)/book.pdf"

# Without JupyterLab's news, its look for updates and its list of extensions, which ask the network.
lab: $(STAMP)
	$(BIN)/jupyter lab --LabApp.news_url=None --LabApp.extension_manager=readonly \
		--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate \
		notebooks

clean:
	rm -rf $(BUILD) $(TEST) book/chapters web/build

# --- environment -----------------------------------------------------------------------------

# The locks name everything that a package asks for, so pip need not look for it. Of torch, the
# build for processors is a tenth in size; pip finds it where somebody has told it an index. Kernels
# are compiled meanwhile: pip leaves a core idle.
$(STAMP): $(wildcard requirements*.txt) pyproject.toml setup.py
	$(PYTHON) -m venv .venv
	$(INSTALL) --requirement requirements.txt
	@PYTHONPATH=. $(BIN)/python book/compile_kernels.py & compilation=$$!; { \
		$(INSTALL) --requirement requirements-torch-cpu.txt 2> /dev/null || { \
		echo "pip finds no build of torch for processors; installing the one for graphics cards"; \
		$(INSTALL) --requirement requirements-torch.txt; }; } && wait $$compilation
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Pin all packages anew; see the script. Its tool is wanted for this alone.
lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv==0.13.9
	PYTHONPATH=. build/lock/bin/python experiments/lock_requirements.py

# --- book ------------------------------------------------------------------------------------

book/chapters/%.ipynb: notebooks/%.ipynb book/parameters/%.yaml | $(STAMP)
	@mkdir -p $(@D)
	$(BIN)/papermill --cwd notebooks --no-progress-bar --log-level ERROR -k python3 \
		-f book/parameters/$*.yaml $< $(@D)/.$*.partial.ipynb
	mv $(@D)/.$*.partial.ipynb $@

# Sphinx would take the pages that a killed run left half-written for finished ones.
$(BUILD)/built: $(CHAPTERS) $(PAGES) | $(STAMP)
	@if [ -e $(BUILD)/unfinished ]; then rm -rf $(BUILD)/html $(BUILD)/.doctrees; fi
	@touch $(BUILD)/unfinished
	$(JUPYTER_BOOK) --toc $(CURDIR)/_toc.yml --path-output book book
	@rm $(BUILD)/unfinished
	touch $@

# Without it, the page says what is missing, and the book is built all the same.
$(OWN_PHOTOS): $(OWN_PHOTOS_FROM) | $(STAMP)
	@rm -rf web/build
	$(BIN)/python web/pack.py web/build/packs
	@cd web && npm ci --silent --no-audit --no-fund && node build.js build/packs build/page || \
		echo "npm cannot put the page of your own photos together; the page says so"

# Which modules and data each chapter uses; make reads the file again when it has just written it.
ifeq ($(filter clean lab lock,$(MAKECMDGOALS)),)
-include $(DEPENDENCIES)
endif

$(DEPENDENCIES): book/dependencies.py $(NOTEBOOKS) $(MODULES) $(wildcard data/*/)
	@mkdir -p $(@D)
	@$(PYTHON) book/dependencies.py > $@.partial
	@mv $@.partial $@

# --- tests -----------------------------------------------------------------------------------

# One after the other, because each takes all cores; but Sphinx, which lets one wait half of the
# time, works beside the unit tests.
test: $(STAMP)
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory notebooks
	@$(MAKE) --no-print-directory -j2 unit $(TEST)/built
	@$(MAKE) --no-print-directory browser

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell

unit: $(STAMP) validator
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(BROWSED:%=--ignore %)

# Copies of the chapters, with the code of their solutions at the end, are executed once, with their
# default parameters; nbmake writes the outputs into the copies, and the book of the browser tests is
# built from them.
notebooks: $(STAMP)
	rm -rf $(TEST_SOURCE)/chapters
	mkdir -p $(TEST_SOURCE)/chapters
	$(BIN)/python book/solutions.py append $(TEST_SOURCE)/chapters $(NOTEBOOKS)
	$(BIN)/python -m pytest -n $(JOBS) --nbmake --overwrite --nbmake-timeout 600 \
		--durations 10 $(TEST_SOURCE)/chapters
	$(BIN)/python book/solutions.py check $(TEST_SOURCE)/chapters/*.ipynb
	touch $(TEST)/executed

$(TEST)/executed:
	@$(MAKE) --no-print-directory notebooks

$(TEST)/built: $(TEST)/executed $(PAGES) $(MODULES) | $(STAMP)
	rm -rf $(TEST)/_build  # pictures of earlier runs would stay, and the book is weighed
	find $(TEST_SOURCE) -mindepth 1 -maxdepth 1 -not -name chapters -exec rm -rf {} +
	cp -r $(filter-out book/_build book/chapters book/parameters,$(wildcard book/*)) $(TEST_SOURCE)
	$(JUPYTER_BOOK) --toc $(CURDIR)/_toc.yml --path-output $(TEST) $(TEST_SOURCE)
	touch $@

browser: $(STAMP) chromium validator $(TEST)/built
	FACELIB_BOOK_HTML=$(TEST)/_build/html $(BIN)/python -m pytest -rs -n $(JOBS) --dist loadgroup \
		$(BROWSED)

# Khronos's validator of GLB files, which runs on node, and axe-core, which looks over pages.
validator:
	@if command -v npm > /dev/null; then $(MAKE) --no-print-directory $(VALIDATOR); \
	else echo "There is no npm for the checks of GLB files and of pages: see the skipped tests"; \
	fi

$(VALIDATOR): tests/web/package-lock.json
	cd tests/web && npm ci --silent --no-audit --no-fund
	touch $@

# Debian's chromium, installed only where nobody has to type a password.
chromium:
	@if command -v chromium > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ]; then \
		echo "The tests of the book need a browser: installing chromium with apt-get"; \
		apt-get update -qq && apt-get install -y -qq chromium || :; \
	elif sudo -n true 2> /dev/null; then \
		echo "The tests of the book need a browser: installing chromium with sudo apt-get"; \
		sudo apt-get update -qq && sudo apt-get install -y -qq chromium || :; \
	else echo "There is no chromium, and installing it needs a password: see the skipped tests"; \
	fi
