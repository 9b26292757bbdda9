"""How a failed command ends: an error's code, its message, its next step, and an exit status."""

import sys
import traceback

from forerun.errors import DefinitionError, ForerunError, UsageError

FAILED = 1
USED_WRONGLY = 2

_LAST_FRAMES = 1


def explain(error: Exception) -> int:
    """Say on stderr what went wrong, and give the exit status.

    Args:
        error: What a command raised.

    Returns:
        2 when the command was used wrongly, else 1.
    """
    if isinstance(error, ForerunError):
        place = error.place if isinstance(error, DefinitionError) else ""
        print(f"error[{error.code}]: {place}{error.message}", file=sys.stderr)
        return USED_WRONGLY if isinstance(error, UsageError) else FAILED
    last = traceback.extract_tb(error.__traceback__)[-_LAST_FRAMES:]
    where = f" at {last[0].filename}:{last[0].lineno}" if last else ""
    print(
        f"error[FR-INTERNAL]: {type(error).__name__}: {error}{where}\n"
        "This is a fault in forerun or in the app's own code, not in how the command was used.\n"
        "Run again with FORERUN_DEBUG=1 for the traceback; if it is forerun's, report it with that text\n"
        "and the output of `forerun --version`.",
        file=sys.stderr,
    )
    return FAILED
