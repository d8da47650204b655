"""What several tests of trainings need."""

import pytest


@pytest.fixture
def after():
    """A stop that says so after `count` batches: after(count)."""

    def make(count):
        left = [count]

        def stop():
            left[0] -= 1
            return left[0] <= 0

        return stop

    return make
