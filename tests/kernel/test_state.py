"""State as bytes: what is stored, what is forgotten, and what is refused."""

import struct
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from tests.kernel.ticks import (
    LIFETIME,
    B,
    K,
    N,
    X,
    apply,
    call,
    feature,
    keys,
    literal,
    plan,
    rows_of,
    values,
    view,
)

from forerun._core import STATE_FORMAT, BatchError, Kernel, StateFormatError

GOLDEN = {version: Path(__file__).with_name(f"state-{version}.hex") for version in (2, 3)}
COUNT = feature("count", over=100)
EMPTY = pa.record_batch(
    {"view": pa.array([], pa.int32()), "key": pa.array([], pa.binary()), "state": pa.array([], pa.binary())}
)


def _key(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode()


def test_changed_entities_are_taken_once() -> None:
    """The first take has every entity, later ones what changed since, by key."""
    kernel = Kernel(plan(view(COUNT)))
    apply(kernel, {"at": 1, "k": "b"}, {"at": 2, "k": "a"})
    taken = rows_of(kernel.take_changed())
    assert [(row["view"], row["key"]) for row in taken] == [(0, _key("a")), (0, _key("b"))]
    assert (rows_of(kernel.take_changed()), kernel.changes()) == ([], 0)
    apply(kernel, {"at": 3, "k": "b"}, offset=2)
    assert kernel.changes() == 1
    assert [row["key"] for row in rows_of(kernel.take_changed())] == [_key("b")]


def test_expired_entities_are_forgotten() -> None:
    """An entity that no window can see is dropped in the end, and its stored state with it."""
    kernel = Kernel(plan(view(COUNT), lateness=10))
    apply(kernel, {"at": 1, "k": "old"})
    kernel.take_changed()
    apply(kernel, *({"at": at, "k": "new"} for at in range(200, 2200)), offset=1)
    assert kernel.entities() == [1]
    taken = rows_of(kernel.take_changed())
    assert [(row["key"], row["state"] is None) for row in taken] == [
        (_key("new"), False),
        (_key("old"), True),
    ]


def test_memory_follows_the_window_and_not_the_history() -> None:
    """Ten thousand events through a window of a hundred keep about a hundred."""
    kernel = Kernel(plan(view(COUNT, feature("sum", N)), lateness=10))
    for start in range(0, 10_000, 1000):
        apply(kernel, *({"at": at, "n": 1} for at in range(start, start + 1000)), offset=start)
    assert len(kernel.events(0, keys("a"), 10**6)) == 110
    assert kernel.bytes_per_entity()[0] < 40_000
    assert values(kernel, 9999) == {"count": 100, "sum": 10_000}


def test_an_entity_with_a_lifetime_stays() -> None:
    """What has no end is not forgotten, however long it is silent."""
    kernel = Kernel(plan(view(COUNT, feature("last", N)), lateness=10))
    apply(kernel, {"at": 1, "k": "old", "n": 7})
    apply(kernel, *({"at": at, "k": "new"} for at in range(200, 2200)), offset=1)
    assert values(kernel, 5000, "old") == {"count": 0, "last": 7}
    assert kernel.provenance(0, keys("old")) == (1, 0, 0)


def _plan_of_sample() -> str:
    large = call("gt", X, literal("float", 2.0))
    features = [COUNT, feature("mean", X, over=50), feature("std", X, where=large), feature("sum", N)]
    features += [feature("max", X), feature("first", B), feature("last", N, name="nth", over=10)]
    made: list[tuple[str, Any, Any]] = [
        ("skew", X, {}),
        ("distinct", K, {"max": 2}),
        ("approx_distinct", N, {}),
        ("quantile", X, {"q": 0.5}),
        ("top_k", K, {"n": 2, "among": ["a", "ü"]}),
        ("histogram", X, {"edges": [0, 3]}),
        ("first_n", K, {"n": 2}),
        ("last_n", N, {"n": 2}),
        ("streak", B, {}),
        ("ewm_mean", X, {"half_life_us": 10}),
    ]
    features += [
        {"name": agg, "agg": agg, "arg": arg, "where": None, "window": LIFETIME, "params": params}
        for agg, arg, params in made
    ]
    return plan(view(*features), lateness=20, id=["k", "n"], dedup=30, idle=500, max_skew=100)


def _sample() -> Kernel:
    """A kernel with something in every section of its state."""
    kernel = Kernel(_plan_of_sample())
    apply(
        kernel,
        {"at": 10, "x": 2.5, "n": 1},
        {"at": 15, "x": None, "n": -2, "b": True},
        {"at": 12, "k": "ü"},
        {"at": 14, "k": "a name that is long"},
    )
    apply(kernel, {"at": 60, "x": 1e150, "n": 4}, {"at": 61, "x": 1e-310, "n": 4}, partition=7, offset=100)
    apply(kernel, {"at": 70, "x": 3.25, "n": 5, "_arrival": 70}, {"at": 300, "_arrival": 71}, offset=4)
    return kernel


def _hex(kernel: Kernel) -> str:
    lines = [f"header {kernel.header().hex()}"]
    lines += [
        f"{row['view']} {row['key'].hex()} {row['state'].hex()}" for row in rows_of(kernel.take_changed())
    ]
    return "\n".join([*lines, f"hash {kernel.state_hash()}"]) + "\n"


def test_the_bytes_are_the_golden_ones() -> None:
    """The format of a version never changes: a new format gets a new number, and a new golden file."""
    assert max(GOLDEN) == STATE_FORMAT
    assert _hex(_sample()) == GOLDEN[STATE_FORMAT].read_text("ascii")


@pytest.mark.parametrize("version", GOLDEN)
def test_the_golden_bytes_are_read(version: int) -> None:
    """A kernel restored from the golden file of any version goes on like the one it was taken from."""
    lines = [line.split() for line in GOLDEN[version].read_text("ascii").splitlines()]
    stored = pa.record_batch(
        {
            "view": pa.array([int(line[0]) for line in lines[1:-1]], pa.int32()),
            "key": pa.array([bytes.fromhex(line[1]) for line in lines[1:-1]]),
            "state": pa.array([bytes.fromhex(line[2]) for line in lines[1:-1]]),
        }
    )
    sample = _sample()
    kernel = Kernel.restore(_plan_of_sample(), bytes.fromhex(lines[0][1]), stored)
    assert kernel.state_hash() == sample.state_hash()
    for made in (kernel, sample):
        apply(made, {"at": 72, "x": 0.5, "n": 9, "_arrival": 75}, offset=6)
    assert values(kernel, 80) == values(sample, 80)
    assert kernel.counters() == sample.counters()


def test_state_of_another_plan_is_refused() -> None:
    """State belongs to one plan, and the message says what to do."""
    kernel = Kernel(plan(view(COUNT)))
    with pytest.raises(StateFormatError, match="another version of the app; replay the log"):
        Kernel.restore(plan(view(feature("count", over=101))), kernel.header(), EMPTY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header[:-1], "the state header is damaged"),
        (lambda header: header + b"\0", "the state header is damaged"),
        (lambda header: header[:0], "the state header is damaged"),
        (lambda header: b"\x09" + header[1:], "the state has format 9, this kernel reads formats 2 and 3"),
    ],
)
def test_a_damaged_header_is_refused(change: Any, message: str) -> None:
    """Bytes that are not a header of this format raise; they never give a kernel."""
    sample = _sample()
    with pytest.raises(StateFormatError, match=message):
        Kernel.restore(_plan_of_sample(), change(sample.header()), EMPTY)


def test_partitions_out_of_order_are_refused() -> None:
    """They are looked for by halving: of two with one number, or in another order, one would be lost."""
    text = plan(view(COUNT))
    kernel = Kernel(text)
    for partition in (3, 5):
        apply(kernel, {"at": 1}, partition=partition)
    header = kernel.header()
    Kernel.restore(text, header, EMPTY)
    place = header.index(b"\x05\0\x01")  # the number, and that there is a watermark
    for number in (2, 3):
        with pytest.raises(StateFormatError, match="the state header is damaged"):
            Kernel.restore(text, header[:place] + bytes([number]) + header[place + 1 :], EMPTY)


def test_damaged_entities_are_refused() -> None:
    """Cut, padded, doubled or foreign entity bytes raise, and name the view."""
    sample = _sample()
    header, taken = sample.header(), pa.record_batch(sample.take_changed())
    row = taken.to_pylist()[0]

    def restore(*rows: tuple[int, bytes, bytes]) -> None:
        names = ("view", "key", "state")
        made = {name: [row[at] for row in rows] for at, name in enumerate(names)}
        types = dict(zip(names, (pa.int32(), pa.binary(), pa.binary()), strict=True))
        columns = {name: pa.array(made[name], types[name]) for name in names}
        Kernel.restore(_plan_of_sample(), header, pa.record_batch(columns))

    good: bytes = row["state"]
    restore((0, row["key"], good))
    for length in range(len(good)):
        with pytest.raises(StateFormatError, match="view 'Now': the state of an entity is damaged"):
            restore((0, row["key"], good[:length]))
    with pytest.raises(StateFormatError, match="damaged"):
        restore((0, row["key"], good + b"\0"))
    with pytest.raises(
        StateFormatError, match="entity state has format 1, this kernel reads formats 2 and 3"
    ):
        restore((0, row["key"], b"\x01" + good[1:]))
    with pytest.raises(StateFormatError, match=r"entity \(\"a\"\) is there twice"):
        restore((0, row["key"], good), (0, row["key"], good))
    with pytest.raises(StateFormatError, match="entity of view 4, the plan has 1 views"):
        restore((4, row["key"], good))
    with pytest.raises(StateFormatError, match="entities are"):
        Kernel.restore(_plan_of_sample(), header, taken.select(["view", "key"]))


def test_a_refused_batch_leaves_the_state_as_it_was() -> None:
    """BatchError is raised before anything of the step is applied."""
    kernel = _sample()
    before = kernel.state_hash()
    with pytest.raises(BatchError):
        apply(kernel, {"at": 80}, offset=0)
    assert kernel.state_hash() == before


@pytest.mark.parametrize(
    "window", [{"kind": "tiled", "over_us": 100, "tile_us": 10}, {"kind": "last", "events": 2}]
)
def test_a_restored_entity_is_forgotten_like_the_one_it_was(window: Any) -> None:
    """Also one of which only old totals are left: it must not stay for ever, nor change the state's hash."""
    made = {**feature("count"), "window": window}
    text = plan(view(made), lateness=10)
    steady = Kernel(text)
    apply(steady, *({"at": at, "k": "old", "n": at} for at in range(5)), {"at": 50, "k": "new"})
    restored = Kernel.restore(text, steady.header(), pa.record_batch(cast(Any, steady.take_changed())))
    for kernel in (steady, restored):
        apply(kernel, {"at": 500, "k": "new"}, offset=6)
    assert restored.state_hash() == steady.state_hash()
    assert restored.entities() == steady.entities() == [1 if window["kind"] == "tiled" else 2]


def test_texts_that_are_not_there_are_refused() -> None:
    """A lifetime's text is stored by its number; a number too large would one day be another text's."""
    text = plan(view(feature("last", K)), lateness=0)
    kernel = Kernel(text)
    apply(kernel, {"at": 1, "k": "a long name"}, {"at": 2, "k": "a long name"}, {"at": 9, "k": "b"})
    [long] = [row for row in rows_of(kernel.take_changed()) if b"long" in row["key"]]
    word = (0xFF).to_bytes(8, "little")
    assert long["state"].count(word) == 2  # first and last of the total
    for number, stays in ((0, True), (1, False)):
        state = long["state"].replace(word, (number << 8 | 0xFF).to_bytes(8, "little"))
        stored = pa.record_batch({"view": pa.array([0], pa.int32()), "key": [long["key"]], "state": [state]})
        if stays:
            assert values(Kernel.restore(text, kernel.header(), stored), 20, "a long name") == {
                "last": "a long name"
            }
        else:
            with pytest.raises(StateFormatError, match="damaged"):
                Kernel.restore(text, kernel.header(), stored)
