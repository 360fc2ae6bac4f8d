"""The one fixture that several files share: a browser, started once."""

import pytest


@pytest.fixture(scope="session")
def browser():
    from browsing import running_browser  # only where playwright is wanted

    with running_browser() as running:
        yield running
