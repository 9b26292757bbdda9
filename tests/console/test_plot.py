"""Braille lines."""

from forerun.console.plot import lines


def plain(values: list[float | None], width: int = 4, height: int = 2) -> list[str]:
    """One series between 0 and 1, as text."""
    return [row.plain for row in lines([(values, "")], width=width, height=height, low=0.0, high=1.0)]


def test_exact_size_whatever_the_data() -> None:
    """No values, one, few and many all fill the same rectangle."""
    for values in ([], [0.5], [0.1, 0.9], [index / 100 for index in range(100)]):
        drawn = plain(list(values))
        assert [len(row) for row in drawn] == [4, 4]


def test_gap_stays_a_gap() -> None:
    """A missing value is not drawn over."""
    assert plain([1.0, None, None, None, None, None, None, 1.0])[0] == "⠃⠀⠀⠘"


def test_outside_values_lie_on_the_edge() -> None:
    """Values beyond the axis are drawn at its end, not lost and not wrapped."""
    assert plain([5.0] * 8) == plain([1.0] * 8)
    assert plain([-5.0] * 8) == plain([0.0] * 8)
    assert plain([1.0] * 8)[0] == "⠛⠛⠛⠛"


def test_flat_line_in_the_middle_when_the_axis_has_no_length() -> None:
    """A range of nothing does not divide by zero."""
    drawn = lines([([0.5, 0.5], "")], width=1, height=2, low=0.5, high=0.5)
    assert [row.plain for row in drawn] == ["⠀", "⠛"]
