"""What several files share: the profiles of hypothesis, and a browser, started once."""

import pytest
from hypothesis import settings

# `make test` tries the same examples every time. `--hypothesis-profile long` tries 50 times as many
# (see `properties.examples`), others in each run, and prints how to repeat what fails.
settings.register_profile("quick", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def playwright():
    """Start what drives browsers; a process can have it once."""
    from playwright.sync_api import sync_playwright  # only where it is wanted

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright):
    from browsing import running_browser

    with running_browser(playwright) as running:
        yield running
