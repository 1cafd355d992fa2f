"""What tests of several modules share."""

import pytest


@pytest.fixture
def closed():
    """Closes every figure after the test."""
    from matplotlib import pyplot as plt  # a second that only figures need

    yield
    plt.close("all")
