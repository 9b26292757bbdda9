"""What the doors need to know of an app: its declarations."""

from collections.abc import Mapping
from typing import Protocol

from forerun.events.schema import StreamSpec
from forerun.features.definition import ViewSpec
from forerun.models.definition import ModelSpec


class Declared(Protocol):
    """An app's declarations; `forerun.App` has them."""

    @property
    def name(self) -> str:
        """The app's name."""

    @property
    def version(self) -> str:
        """Hash of everything declared."""

    @property
    def streams(self) -> Mapping[str, StreamSpec]:
        """By name."""

    @property
    def views(self) -> Mapping[str, ViewSpec]:
        """By name."""

    @property
    def models(self) -> Mapping[str, ModelSpec]:
        """By name."""
