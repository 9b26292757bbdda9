"""`GET|POST /v1/features/{view}`: the features of one entity, and how far the engine had come."""

from collections.abc import Iterable, Iterator, Mapping

from forerun.errors import StaleRequestError
from forerun.features.definition import ViewSpec
from forerun.security.roles import Permission
from forerun.serving.answers import JSON, Answer, json_answer
from forerun.serving.backend import Backend, Reading
from forerun.serving.limits import Limits
from forerun.serving.request import Request
from forerun.serving.route import Route
from forerun.serving.schema import AT, Fields, instant, instant_of, key_fields, too_old
from forerun.serving.workers import Workers


class FeaturesDoor:
    """Answers for one view.

    Args:
        view: The view; its key is what a request holds.
        backend: The engine.
        workers: For the engine's blocking call.
    """

    def __init__(self, view: ViewSpec, backend: Backend, workers: Workers) -> None:
        self._view = view.name
        self._backend = backend
        self._workers = workers
        self._types = {feature.name: feature.element for feature in view.shown}
        self._key_names = view.by
        fields = key_fields(view.stream, view.by)
        self._key = Fields(view.stream, fields, wrapper="key", timed=True)
        self._times = {field.name for field in fields if field.type == "time"}

    async def get(self, request: Request) -> Answer:
        """Answer a request whose key is in the query string."""
        texts = request.parameters()
        at_us = None
        if AT not in self._key_names and AT in texts:
            at_us = instant_of(AT, texts.pop(AT))
        return await self._read(self._key.convert(texts), at_us)

    async def post(self, request: Request) -> Answer:
        """Answer a request whose key is in the body."""
        key, at_us = self._key.decode(request.body)
        return await self._read(key, at_us)

    async def _read(self, key: Mapping[str, object], at_us: int | None) -> Answer:
        try:
            reading = await self._workers.run(lambda: self._backend.read(self._view, key, at_us))
        except StaleRequestError as exc:
            raise too_old(exc, AT) from exc
        return json_answer(self._shown(reading))

    def _shown(self, reading: Reading) -> dict[str, object]:
        origin = reading["provenance"]
        return {
            "view": self._view,
            "key": {name: _shown(value, name in self._times) for name, value in reading["key"].items()},
            "at": instant(reading["at_us"]),
            "values": {
                name: _shown(value, self._types.get(name) == "time")
                for name, value in reading["values"].items()
            },
            "not_computed": list(reading["not_computed"]),
            "provenance": {
                "event_time": _shown(origin["event_time_high_us"], True),
                "partition": origin["partition"],
                "offset": origin["offset"],
                "feature_version": origin["feature_version"],
                "watermark": _shown(origin["watermark_us"], True),
                "age_s": origin["age_s"],
            },
        }


def _shown(value: object, is_time: bool) -> object:
    if isinstance(value, list):
        return [_shown(item, is_time) for item in value]
    return instant(value) if is_time and isinstance(value, int) else value


def routes(views: Iterable[ViewSpec], backend: Backend, workers: Workers, limits: Limits) -> Iterator[Route]:
    """Give every view its routes."""
    for view in views:
        door = FeaturesDoor(view, backend, workers)
        path, template = f"/v1/features/{view.name}", "/v1/features/{view}"
        summary = f"Read the features of {view.name} for one {' and '.join(view.by)}."
        yield Route(
            method="GET",
            path=path,
            template=template,
            permission=Permission.READ,
            door=door.get,
            summary=summary,
        )
        yield Route(
            method="POST",
            path=path,
            template=template,
            permission=Permission.READ,
            door=door.post,
            body_bytes=limits.body_bytes,
            media_types=(JSON,),
            summary=summary,
        )
