"""What several files share: the profiles of hypothesis, and a browser, started once."""

import pytest
from hypothesis import settings

# `make test` tries the same examples every time. `--hypothesis-profile long` tries 50 times as many
# (see `properties.examples`), others in each run, and prints how to repeat what fails.
settings.register_profile("quick", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def browser():
    from browsing import running_browser  # only where playwright is wanted

    with running_browser() as running:
        yield running
