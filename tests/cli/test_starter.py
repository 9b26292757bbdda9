"""The starter project from `forerun new` to `forerun replay`: a newcomer's first five minutes."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli.command import Said, forerun

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A starter project that has been run to its end, once for all tests of this file."""
    folder = tmp_path_factory.mktemp("starter") / "shop"
    assert forerun("new", folder).code == 0
    said = forerun("run", folder, "--no-http")
    assert said.code == 0, said.err
    (folder / "said.txt").write_text(said.out)
    return folder


@pytest.fixture(scope="module")
def highest(project: Path) -> dict[str, Any]:
    """The highest score that came true."""
    found = forerun(
        "predictions", "-a", project, "--sort", "score", "--label", "true", "--limit", 1, "--json"
    )
    return found.rows[0]


def test_run_ends_with_a_report_and_three_commands(project: Path) -> None:
    """The last lines are the report's path and commands with real ids, one of them a replay."""
    said = (project / "said.txt").read_text()
    assert f"Report: {project}/.forerun/report.html" in said
    commands = said[said.index("Try next:") :].splitlines()[2::2]
    assert [command.split()[:2] for command in commands[::2]] == [
        ["forerun", "features"],
        ["forerun", "replay"],
    ]
    assert commands[1].split()[0] == "curl"


def test_every_suggested_forerun_command_works(project: Path) -> None:
    """What `run` suggests can be pasted."""
    said = (project / "said.txt").read_text()
    commands = [line.split()[1:] for line in said.splitlines() if line.startswith("  forerun ")]
    assert len(commands) == 2
    for command in commands:
        assert forerun(*command).code == 0


def test_progress_without_a_terminal_is_plain(project: Path) -> None:
    """Lines without escape codes, through all phases."""
    said = (project / "said.txt").read_text()
    assert "\x1b" not in said
    assert {"collect", "train", "serve", "done"} >= {line.split()[0] for line in said.splitlines()[:2]}
    assert "done     100 %" in said


def test_report_is_a_page(project: Path) -> None:
    """The report is there and says how good the model was."""
    html = (project / ".forerun" / "report.html").read_text()
    assert "labelled predictions the AUC is 0.7" in html
    assert "adds up" in html


def test_status_adds_up(project: Path) -> None:
    """Counts conserve, and late and repeated sample events were noticed."""
    found = forerun("status", project, "--json").json
    assert found["running"] is False
    assert sum(stream["consumed"] for stream in found["streams"]) == 36_794
    for stream in found["streams"]:
        parts = ("applied", "late", "early", "invalid", "duplicate")
        assert stream["consumed"] == sum(stream[part] for part in parts)
        assert stream["late"] > 0
        assert stream["duplicate"] > 0
    assert "WillReturn-offer-help" in forerun("status", project).out


def test_streaming_features_are_worth_it(project: Path) -> None:
    """The sample data teach something: the model beats itself without streaming features by far."""
    version = forerun("models", "-a", project, "--json").rows[0]
    assert version["status"] == "active"
    assert version["holdout"]["model"]["auc"] > version["holdout"]["static"]["auc"] + 0.1


def test_card(project: Path) -> None:
    """The card says what the model is for and how it was judged."""
    shown = forerun("models", "show", "-a", project).out
    assert "Will this order be sent back within three days?" in shown
    assert "static, held out" in shown


def test_explanation_shows_what_moved_the_score(project: Path, highest: dict[str, Any]) -> None:
    """Why it was high: inputs by size of their effect, values at the time, and the events behind them."""
    found = forerun("features", "--prediction", highest["prediction_id"][:10], "-a", project, "--json").json
    moved = [abs(part["contribution"]) for part in found["contributions"]]
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > 0.05
    assert found["prediction"]["score"] == highest["score"]
    first = found["features"][0]
    assert found["contributions"][0]["name"] in first["inputs"]
    own = [one for one in found["features"] if one["view"] == "CustomerOrders"]
    assert own[0]["events"][-1]["order"] == highest["key"], "the event that asked is inside"


def test_explanation_for_people(project: Path, highest: dict[str, Any]) -> None:
    """The same as text: the score, what came, and a row of the strongest input."""
    shown = forerun("features", "--prediction", highest["prediction_id"][:10], "-a", project).out
    assert f"WillReturn gave {highest['key']} {highest['score']:.3f}" in shown
    assert "It came true." in shown
    assert "What moved the score" in shown


def test_features_as_they_were(project: Path, highest: dict[str, Any]) -> None:
    """Read at the time of a prediction, a feature has the value that the prediction was made from."""
    whole = forerun("predictions", highest["prediction_id"], "-a", project, "--json").json
    explained = forerun("features", "--prediction", highest["prediction_id"], "-a", project, "--json").json
    [returns] = [one for one in explained["features"] if one["view"] == "ProductReturns"]
    read = forerun(
        "features", "ProductReturns", f"product={returns['key']['product']}",
        "--at", highest["event_time"], "-a", project, "--json",
    ).json  # fmt: skip
    assert read["values"]["returns_10d"] == whole["inputs"]["ProductReturns.returns_10d"]
    assert read["events_kept"] >= read["values"]["returns_10d"]


def test_features_now_differ_from_then(project: Path) -> None:
    """Without a time the values are those after the last commit."""
    words = ("features", "ProductOrders", "product=p00", "-a", project, "--json")
    now, then = forerun(*words).json, forerun(*words, "--at", "2025-02-01").json
    assert now["at"] > then["at"]
    assert now["provenance"]["offset"] > then["provenance"]["offset"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ProductOrder", "product=p00"], "FR-USE-NAME", "ProductOrders"),
        (["ProductOrders"], "FR-USE-ARGUMENT", "product=..."),
        (["ProductOrders", "order=o1"], "FR-USE-ARGUMENT", "product=..."),
        (["ProductOrders", "product=p00", "--at", "noon"], "FR-USE-ARGUMENT", "2013-08-14T16:30"),
        (["--prediction", "ffffffffffffffff"], "FR-USE-NAME", "forerun predictions"),
    ],
)
def test_wrong_questions(project: Path, words: list[str], code: str, said: str) -> None:
    """What is misspelt, missing or unknown is named, with what to write."""
    answer = forerun("features", *words, "-a", project)
    assert answer.code == 2
    assert answer.err.startswith(f"error[{code}]")
    assert said in answer.err


def test_views_are_listed(project: Path) -> None:
    """`forerun features` alone says what can be asked, and how."""
    assert "product=..." in forerun("features", "-a", project).out
    rows = forerun("features", "-a", project, "--json").rows
    assert [row["view"] for row in rows] == [
        "ProductOrders",
        "ProductReturns",
        "CustomerOrders",
        "CustomerReturns",
    ]


def test_replay_is_equal(project: Path) -> None:
    """Every prediction again, and not one bit differs."""
    found = forerun("replay", project, "--json")
    assert found.code == 0
    assert found.json["equal"] is True
    assert found.json["predictions"] == 29_691
    assert "Equal, bit for bit." in forerun("replay", project).out


def test_late_says_what_lateness_cost(project: Path) -> None:
    """Records are conserved, the cost is split, and the events that mattered most come first."""
    found = forerun("late", project, "--json").json
    for partition in found["partitions"]:
        verdicts = ("applied", "late", "invalid", "early", "duplicate")
        assert partition["consumed"] == sum(partition[name] for name in verdicts)
    late = sum(partition["late"] for partition in found["partitions"])
    assert late == len(found["events"]) + found["late_copies"] > 100
    changed = [event["changed"] for event in found["events"]]
    assert changed == sorted(changed, reverse=True)
    costs = {cost["feature"]: cost for cost in found["features"]}
    assert costs["price"]["together"]["changed"] == 0
    returns = costs["ProductReturns.returns_10d"]
    assert returns["served"] == 29_691
    assert returns["accepted_after"]["changed"] > 0 < returns["too_late"]["changed"]
    shown = forerun("late", project, "--top", 2).out
    assert "Every record is accounted for." in shown
    assert "that a longer lateness would have accepted" in shown
    assert f"{late - found['late_copies'] - 2:,} more" in shown


def test_late_values_are_listed(project: Path) -> None:
    """Each with what it was, what it should have been, and the events it lacked; of one feature or key."""
    words = ("late", project, "--values", "--feature", "ProductReturns.returns_10d")
    rows = forerun(*words, "--json").rows
    cost = forerun("late", project, "--feature", "ProductReturns.returns_10d", "--json").json
    assert [one["feature"] for one in cost["features"]] == ["ProductReturns.returns_10d"]
    assert len(rows) == cost["features"][0]["too_late"]["changed"]
    assert all(row["events"] and row["served"] != row["corrected"] for row in rows)
    own = forerun(*words, "--key", rows[0]["key"], "--json").rows
    assert own == [row for row in rows if row["key"] == rows[0]["key"]]
    shown = forerun(*words, "--top", 3).out
    assert f"3 of {len(rows):,}" in shown
    event = cost["events"][0]
    of_key = forerun("late", project, "--key", event["key"], "--json").json["events"]
    assert event["offset"] in [one["offset"] for one in of_key]
    assert len(of_key) < len(cost["events"])


def test_late_of_no_feature(project: Path) -> None:
    """A misspelt input is named, with the nearest."""
    said = forerun("late", project, "--feature", "ProductReturns.returns_10")
    assert said.code == 2
    assert "ProductReturns.returns_10d" in said.err


def test_training_set_as_served_and_as_corrected(project: Path, tmp_path: Path) -> None:
    """The same rows twice; they differ, and the command says in what. The file holds the table."""
    served = forerun("training-set", project, "--json").json
    assert set(served["changed"].values()) == {0}
    path = tmp_path / "truth.parquet"
    found = forerun("training-set", project, "--as-of", "corrected", "--out", path, "--json").json
    assert found["rows"] == served["rows"] > 20_000
    assert found["hash"] != served["hash"]
    assert found["changed"]["ProductReturns.returns_10d"] > 0 == found["changed"]["price"]
    table = pq.read_table(path)
    assert (len(table), table["prediction_id"].null_count) == (found["rows"], 0)
    shown = forerun("training-set", project, "--as-of", "corrected").out
    assert "not as served" in shown


def test_run_again_finds_nothing_new(project: Path) -> None:
    """A source that has ended is not read twice."""
    said = forerun("run", project, "--no-http", "--json")
    last = json.loads(said.out.splitlines()[-1])
    assert (last["event"], last["new"], last["events"]) == ("ended", 0, 36_794)


def train(project: Path) -> Said:
    """Train once more."""
    return forerun("train", project, "--json")


def test_train_is_beside_the_active_version(project: Path) -> None:
    """A new version is a candidate; the active one is judged by what it had answered on the same rows."""
    found = train(project).json
    assert found["trained"]["status"] == "candidate"
    assert found["trained"]["rows"] > 20_000
    assert 0.5 < found["before"]["as_served"]["auc"] < 1
    assert found["before"]["version"].startswith("v1-")
    assert train(project).json["trained"]["number"] == found["trained"]["number"], (
        "the same rows, the same bytes"
    )


def test_predictions_for_people(project: Path, highest: dict[str, Any]) -> None:
    """The list and the one prediction are readable."""
    assert "o29999" in forerun("predictions", "-a", project).out
    one = forerun("predictions", highest["prediction_id"][:8], "-a", project).out
    assert "product_share_3d" in one
    assert "as served" in one
