"""The model card as names and values: on the command line and in the report."""

from typing import TYPE_CHECKING

from forerun.console.format import count, decimal, instant, number, percent, short
from forerun.governance.version import ModelVersion
from forerun.models.card import model_card

if TYPE_CHECKING:
    from forerun.models.definition import ModelSpec

_INPUTS_SHOWN = 8


def card_rows(spec: "ModelSpec", version: ModelVersion) -> tuple[tuple[str, str], ...]:
    """The card of a version, in words.

    Args:
        spec: The model, as the app declares it.
        version: One of its versions, made by training.
    """
    card = model_card(spec, version)
    moving = (f"{one.name} ({one.mean_change:.3f})" for one in card.inputs[:_INPUTS_SHOWN])
    changed = version.feature_version != spec.feature_version
    return (
        ("version", f"{card.version}, {card.status}"),
        *([("purpose", card.purpose)] if card.purpose else []),
        ("risk", card.risk),
        ("asked at", f"every {card.trigger}"),
        ("label", card.label),
        (
            "learnt from",
            f"{count(card.rows)} predictions, {instant(card.learnt_from_us)} to {instant(card.learnt_to_us)}",
        ),
        ("base rate", percent(card.base_rate, 1)),
        *(
            (
                f"{one.scorer}, held out",
                f"AUC {decimal(one.auc)}, log loss {decimal(one.log_loss)}, Brier {decimal(one.brier)}",
            )
            for one in card.quality
        ),
        ("held out", f"the latest {count(card.holdout_rows)} rows"),
        ("moves the score most", ", ".join(moving)),
        ("inputs", f"{len(card.inputs)}, {sum(one.streaming for one in card.inputs)} of them streaming"),
        *(("limit", text) for text in card.limits),
        *(
            (("limit", "The app's inputs have changed since: this version does not score any more."),)
            if changed
            else ()
        ),
        ("estimator", card.estimator),
        ("lineage", ", ".join(f"{name} {short(str(found), 16)}" for name, found in card.lineage.items())),
        ("libraries", ", ".join(f"{name} {found}" for name, found in card.libraries.items())),
        ("made", f"{instant(card.created_us)} UTC"),
    )


def headline(version: ModelVersion) -> tuple[str, str, str, str]:
    """Rows trained on, and AUC of model and static baseline and log loss on the rows held out.

    Args:
        version: The version; facts that training did not note are left out.
    """
    rows = version.facts.get("rows")
    holdout = version.facts.get("holdout")
    found = holdout if isinstance(holdout, dict) else {}
    model, static = found.get("model") or {}, found.get("static") or {}
    return number(rows), decimal(model.get("auc")), decimal(static.get("auc")), decimal(model.get("log_loss"))
