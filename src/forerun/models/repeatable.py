"""Training that gives the same model for the same table: seeds and threads are held while `fit` runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

SEED = 1


@contextmanager
def repeatable() -> Iterator[None]:
    """Seed numpy's global generator and keep linear algebra on one thread; both are put back at the end.

    An estimator whose `random_state` is None draws from that generator, and sums of products depend on how
    they are shared among threads. LightGBM's own threads are left alone: it sums in a fixed order, and says
    so for certain with `deterministic=True, force_row_wise=True`.

    >>> with repeatable():
    ...     first = np.random.random()
    >>> with repeatable():
    ...     second = np.random.random()
    >>> first == second
    True
    """
    from threadpoolctl import threadpool_limits  # comes with scikit-learn, which only training needs

    state = np.random.get_state()
    np.random.seed(SEED)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        np.random.set_state(state)
