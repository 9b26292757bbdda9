"""`POST /v1/models/{model}/predict`: a prediction for one event that may never have happened."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from forerun.errors import StaleRequestError
from forerun.models.definition import ModelSpec
from forerun.security.roles import Permission
from forerun.serving.answers import JSON, Answer, encode
from forerun.serving.hop import Hop
from forerun.serving.limits import Limits
from forerun.serving.request import Request
from forerun.serving.route import Route
from forerun.serving.schema import Fields, instant, too_old


class PredictionAnswer(msgspec.Struct, frozen=True):
    """What a caller gets: the answer, how good it is, and what it came from.

    Args:
        prediction_id: Names the prediction in the log, and joins its label.
        score: Null when there is no model yet.
        decisions: Names of the rules that fired.
        grade: fresh, stale, fallback or default.
        reason: Why the grade is not fresh.
        model_version: Null when there is no model yet.
        feature_version: Of the inputs' definition.
        event_time: The instant the prediction is made for.
        age_ms: That instant minus the newest event its features could see.
        latency_us: From submission until the record was durable.
    """

    prediction_id: str
    score: float | None
    decisions: Sequence[str]
    grade: str
    reason: str | None
    model_version: str | None
    feature_version: str
    event_time: datetime
    age_ms: float | None
    latency_us: int


class PredictDoor:
    """Answers for one model.

    Args:
        model: The model; its trigger stream's fields are what a request holds.
        hop: To the engine.
    """

    def __init__(self, model: ModelSpec, hop: Hop) -> None:
        self._model = model.name
        self._time = model.on.time
        self._ask = hop.ask
        self._fields = Fields(model.on, model.on.fields, wrapper="inputs", optional=model.on.time)

    async def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        fields, _ = self._fields.decode(request.body)
        try:
            got = await self._ask(self._model, fields)
        except StaleRequestError as exc:
            raise too_old(exc, self._time) from exc
        age_us = got["age_us"]
        answer = PredictionAnswer(
            got["prediction_id"],
            got["score"],
            got["decisions"],
            got["grade"],
            got["reason"],
            got["model_version"],
            got["feature_version"],
            instant(got["event_time_us"]),
            None if age_us is None else age_us / 1000,
            got["latency_us"],
        )
        return Answer(200, encode(answer))


def routes(models: Iterable[ModelSpec], hop: Hop, limits: Limits) -> Iterator[Route]:
    """Give every model its route."""
    for model in models:
        yield Route(
            method="POST",
            path=f"/v1/models/{model.name}/predict",
            template="/v1/models/{model}/predict",
            permission=Permission.PREDICT,
            door=PredictDoor(model, hop),
            body_bytes=limits.body_bytes,
            media_types=(JSON,),
            summary=f"Predict with {model.name}.",
        )
