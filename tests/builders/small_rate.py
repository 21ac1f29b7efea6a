"""A plugin of pytest by which the micro-benchmarks take the machine's rate from a small product.

The large one takes seconds of a session, and the rate is the matter of tests/lm/hot_paths.
"""


def pytest_collection_finish() -> None:
    """Makes the product small; not earlier, since TensorFlow's import may set variables that records don't hold."""
    from lm.hot_paths import roofline

    roofline.SIDE["cpu"] = 256
