"""The model card says what the facts say, and where the model ends."""

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from tests.models.specimen import NAMES, SPEC, START_US, table
from tests.models.test_training import trained

from forerun.governance.version import ModelVersion
from forerun.models.card import ModelCard, model_card
from forerun.models.table import Table


def card_of(rows: Table) -> ModelCard:
    """The card of the specimen, trained on these rows."""
    made = trained(rows=rows)
    version = ModelVersion(
        name="Late",
        number=3,
        sha256=made.sha256,
        baseline_sha256=None,
        app_version="app",
        feature_version="feat",
        code_version="code",
        facts=json.loads(json.dumps(made.facts)),
        created_us=7,
        status="candidate",
    )
    return model_card(SPEC, version)


@pytest.fixture(scope="module")
def card() -> ModelCard:
    """The card of an ordinary version."""
    return card_of(table())


def test_card_is_of_the_version(card: ModelCard) -> None:
    """Name, purpose, question, data and lineage are those of the declaration and the registry."""
    rows = table()
    assert (card.model, card.version[:3], card.status, card.risk) == ("Late", "v3-", "candidate", "low")
    assert card.purpose == "Will this flight be late?"
    assert card.label == "Arrived.delay > 15.0 within 1d12h, otherwise True"
    assert (card.trigger, card.rows, card.base_rate) == ("Scheduled", 1_200, rows.label.mean())
    assert (card.learnt_from_us, card.created_us) == (START_US, 7)
    assert card.lineage["table"] == rows.hash()
    assert card.lineage["offsets of partition 0"] == "0 to 2398"
    assert card.libraries["lightgbm"]


def test_card_compares_with_baselines(card: ModelCard) -> None:
    """Quality stands beside the static model and the base rate, on the same rows."""
    assert [one.scorer for one in card.quality] == ["streaming", "static", "base rate"]
    aucs = [one.auc or 0 for one in card.quality]
    assert aucs == sorted(aucs, reverse=True)
    assert card.holdout_rows == 240


def test_card_ranks_inputs(card: ModelCard) -> None:
    """All inputs are listed, those that move scores most first, and which of them are streaming."""
    assert sorted(one.name for one in card.inputs) == sorted(NAMES)
    assert card.inputs[0].name == "OriginNow.count"
    assert {one.name for one in card.inputs if not one.streaming} == {"distance", "hour"}
    changes = [one.mean_change for one in card.inputs]
    assert changes == sorted(changes, reverse=True)


def emptied(column: int, share: float) -> Callable[[Table], Table]:
    """A table in which an input is missing in the first rows, or everywhere."""

    def change(rows: Table) -> Table:
        features = rows.features.copy()
        features[: int(len(rows) * share), column] = np.nan
        return dataclasses.replace(rows, features=features)

    return change


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        (lambda rows: rows, "It knows what happened from 2013-01-01 to 2013-02-19"),
        (emptied(3, 0.6), "Missing in more than half of the training rows: distance."),
        (emptied(3, 1.0), "never varied in training: distance."),
        (
            lambda rows: dataclasses.replace(
                rows, label=np.where(np.arange(len(rows)) > 800, 0.0, rows.label)
            ),
            "Its quality was not measured: one kind of label only",
        ),
    ],
)
def test_limits_follow_from_facts(change: Callable[[Table], Table], limit: str) -> None:
    """What a reader must beware of is said where the facts show it, and not otherwise."""
    found = card_of(change(table())).limits
    assert any(limit in one for one in found), found
    assert len(found) <= 2


def test_card_is_json(card: ModelCard) -> None:
    """The card can be written and read by anything."""
    written = json.loads(json.dumps(card.to_json(), allow_nan=False))
    assert list(written) == [field.name for field in dataclasses.fields(ModelCard)]
