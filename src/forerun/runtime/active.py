"""The versions that score: found in the registry, loaded once, named in every step's journal entry."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from forerun.errors import ModelFileError
from forerun.governance.registry import Registry
from forerun.governance.version import ModelVersion
from forerun.models.scorer import Scorer
from forerun.runtime.layout import Layout
from forerun.runtime.predictions import Active, Score

Load: TypeAlias = Callable[[bytes, Sequence[str]], Score]
"""Makes a model file, given the names of the columns it will see, score rows."""


def load_scorer(onnx: bytes, among: Sequence[str]) -> Score:
    """The score of an ONNX file.

    Args:
        onnx: The file.
        among: Names of the columns.
    """
    return Scorer(onnx, among=among).score


class Roster:
    """Loaded model versions.

    Args:
        layout: The app.
        registry: Where versions and their files are.
        load: Makes a file score.
    """

    def __init__(self, layout: Layout, registry: Registry, load: Load = load_scorer) -> None:
        self._layout = layout
        self._registry = registry
        self._load_file = load
        self._loaded: dict[str, Active] = {}

    def active(self) -> dict[str, Active | None]:
        """By model, the version that answers now; None: there is none, or its inputs are not the app's."""
        found: dict[str, Active | None] = {}
        for name, model in self._layout.models.items():
            version = self._registry.active(name)
            fits = version is not None and version.feature_version == model.spec.feature_version
            found[name] = self._load(version) if version is not None and fits else None
        return found

    def version(self, model: str, version: str | None) -> Active | None:
        """The version that a journal entry names.

        Args:
            model: The model.
            version: Its version; None: it had none.
        """
        return None if version is None else self._load(self._find(model, version))

    def scorer(self, model: str, version: str) -> tuple[Scorer, Mapping[str, Any]]:
        """The model file of a version, and what training found out.

        Args:
            model: The model.
            version: Its version.
        """
        known = self._find(model, version)
        names = [item.name for item in self._layout.models[model].spec.inputs]
        return Scorer(self._registry.onnx(known.sha256), among=names), known.facts

    def versions(self, entry: Mapping[str, str | None]) -> dict[str, Active | None]:
        """The versions that a journal entry names, by model.

        Args:
            entry: Its `models`.
        """
        return {model: self.version(model, version) for model, version in entry.items()}

    def _find(self, model: str, version: str) -> ModelVersion:
        found = self._registry.versions(model)
        for known in found:
            if known.version == version:
                return known
        raise ModelFileError(
            f"the log names version {version} of {model}, and the registry has "
            f"{', '.join(known.version for known in found) or 'none'}; restore registry.db from a copy"
        )

    def _load(self, version: ModelVersion) -> Active:
        loaded = self._loaded.get(version.version)
        if loaded is None:
            names = [item.name for item in self._layout.models[version.name].spec.inputs]
            baseline = version.baseline_sha256
            loaded = Active(
                version.version,
                self._load_file(self._registry.onnx(version.sha256), names),
                None if baseline is None else self._load_file(self._registry.onnx(baseline), names),
            )
            self._loaded[version.version] = loaded
        return loaded
