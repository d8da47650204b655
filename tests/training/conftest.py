"""What several tests of trainings need."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """As in `paperlib train`: the last bits depend on the number of threads."""
    torch.set_num_threads(1)


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
