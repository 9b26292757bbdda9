"""Training that gives the same model for the same table: seeds and threads are held while `fit` runs."""

import os
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
    _wait_without_spinning()
    from threadpoolctl import threadpool_limits  # comes with scikit-learn, which only training needs

    state = np.random.get_state()
    np.random.seed(SEED)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        np.random.set_state(state)


def _wait_without_spinning() -> None:
    """Let OpenMP's threads sleep while they wait for each other.

    By default they spin. Beside anything else that runs (our own serving thread is enough) each barrier then
    lasts until the scheduler's next round: on two cores shared with other work, training took 35 s instead of
    8 s. The setting is read when the library is loaded, which is in `fit`; a user's own setting stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # noqa: TID251  # there is no other way to say it
