"""The line of a feature, for messages: found in the source of the app."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from forerun.runtime.load import load

APP = """import forerun as fr

app = fr.App("wide")


@app.stream(key="door", lateness="1m")
class Opened(fr.Event):
    door: str
    at: fr.EventTime


@app.features(Opened, by="door")
class Door:
"""


def test_an_app_of_many_features_is_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for the line of every feature: a walk for each made a thousand features take seconds."""
    walked: Counter[str] = Counter()
    walk = ast.walk

    def counted(node: ast.AST) -> object:
        walked[type(node).__name__] += 1
        return walk(node)

    features = "".join(f'    opened_{n} = fr.count(over="{n}m")\n' for n in range(1, 200))
    (tmp_path / "app.py").write_text(APP + features)
    monkeypatch.setattr(ast, "walk", counted)
    assert len(load(tmp_path).views["Door"].features) == 199
    assert walked["Module"] == 1
