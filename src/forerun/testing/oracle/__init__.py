"""What every feature value should be, computed the slow and obvious way.

The oracle reads the same plan as the kernel and shares no code with it: it keeps every applied event of an
entity in a list, walks the whole list for each value, and sums with exact rational numbers. It is O(n^2) on
purpose. Where kernel and oracle differ, one of them has a bug; `docs/concepts/` says which value is right.

`windows` says which events are inside, `aggregates` what is made of them, `tolerance` how far the kernel may
be from that, `guard` which events are applied at all.
"""

from forerun.testing.oracle.arrival import APPLIED, DUPLICATE, EARLY, INVALID, LATE, Arrival, Outcome, Value
from forerun.testing.oracle.interpreter import Oracle

__all__ = ["APPLIED", "DUPLICATE", "EARLY", "INVALID", "LATE", "Arrival", "Oracle", "Outcome", "Value"]
