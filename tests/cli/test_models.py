"""`forerun models`: versions, cards, the way back."""

from pathlib import Path

import pytest
from tests.cli.command import forerun

from forerun.governance.registry import Registry

FACTS = {"rows": 1200, "holdout": {"model": {"auc": 0.75, "log_loss": 0.5}, "static": {"auc": 0.625}}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two registered versions, the second one answering."""
    forerun("new", tmp_path / "shop")
    data = tmp_path / "shop" / ".forerun"
    data.mkdir()
    (data / "forerun.db").touch()
    registry = Registry(data)
    registry.add_app("a1", name="shop", definition="{}", created_us=0)
    registry.add_features("f1", name="WillReturn", definition="{}", created_us=0)
    for number in (1, 2):
        registry.register(
            "WillReturn",
            f"onnx {number}".encode(),
            app_version="a1",
            feature_version="f1",
            code_version="c1",
            facts=FACTS,
            created_us=number,
            by="test",
        )
        registry.activate("WillReturn", number, at_us=number, by="test", reason="first")
    registry.close()
    return tmp_path / "shop"


def test_list(project: Path) -> None:
    """Every version is a row, and one of them answers."""
    rows = forerun("models", "--app", project, "--json").rows
    assert [(row["number"], row["status"]) for row in rows] == [(1, "retired"), (2, "active")]
    shown = forerun("models", "--app", project).out
    assert shown.splitlines()[2].split()[-5:] == ["00:00", "1,200", "0.750", "0.625", "0.500"]


def test_show_is_the_active_one_by_default(project: Path) -> None:
    """`models show` is the card of the version that answers, with its history."""
    card = forerun("models", "show", "--app", project, "--json").json
    assert card["number"] == 2
    assert card["facts"] == FACTS
    assert [event["what"] for event in card["history"]] == ["registered", "activated"]


@pytest.mark.parametrize("name", ["1", "v1"])
def test_activate_is_the_way_back(project: Path, name: str) -> None:
    """An older version answers again, and the reason is kept."""
    assert forerun("models", "activate", name, "--reason", "v2 drifts", "--app", project).code == 0
    card = forerun("models", "show", "--app", project, "--json").json
    assert card["number"] == 1
    assert card["history"][-1]["reason"] == "v2 drifts"


@pytest.mark.parametrize(
    ("name", "code"), [("v9", "FR-USE-NAME"), ("v1-00000000", "FR-USE-NAME"), ("best", "FR-USE-ARGUMENT")]
)
def test_version_that_is_none(project: Path, name: str, code: str) -> None:
    """A version that does not exist, has other content, or is no version, is refused."""
    said = forerun("models", "show", name, "--app", project)
    assert said.code == 2
    assert said.err.startswith(f"error[{code}]")


def test_before_the_first_run(tmp_path: Path) -> None:
    """Without a run the command says how to start one."""
    forerun("new", tmp_path / "shop")
    said = forerun("models", "--app", tmp_path / "shop")
    assert said.code == 2
    assert said.err.startswith("error[FR-USE-EMPTY]")
    assert f"forerun run {tmp_path / 'shop'}" in said.err
