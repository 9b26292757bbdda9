"""How a bug is planted: something else stands in the place of a function or two, for a while."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

Plant = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Bug:
    """One planted bug.

    Args:
        name: What is wrong.
        plant: Puts it in, until the end of the block.
        faults: Share of the restarts whose disk gives an error; some bugs show only then.
        block: Names the log.
    """

    name: str
    plant: Plant
    faults: float = 0.1
    block: int = 3


@contextmanager
def all_of(patches: Iterable[AbstractContextManager[object]]) -> Iterator[None]:
    """Several patches as one."""
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield
