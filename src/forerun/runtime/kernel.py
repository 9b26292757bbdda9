"""What the kernel raises, as errors of forerun."""

from collections.abc import Iterator
from contextlib import contextmanager

from forerun._core import BatchError, StaleReadError, StateFormatError
from forerun.errors import EventError, StaleRequestError, StateError


@contextmanager
def kernel_errors() -> Iterator[None]:
    """Map the kernel's exceptions inside the block.

    Raises:
        EventError: A batch that does not fit its stream.
        StaleRequestError: A read at a time whose events are no longer kept.
        StateError: State bytes of another format or plan, or damaged ones.

    >>> with kernel_errors():
    ...     raise StaleReadError("Orders can be read from 100 us on")
    Traceback (most recent call last):
    forerun.errors.StaleRequestError: [FR-DATA-STALE] Orders can be read from 100 us on; ...
    """
    try:
        yield
    except BatchError as exc:
        raise EventError(f"{exc}") from exc
    except StaleReadError as exc:
        raise StaleRequestError(f"{exc}; ask for a later time, or leave the time out to mean now") from exc
    except StateFormatError as exc:
        raise StateError(f"{exc}; restore the data directory from a copy, or set it aside") from exc
