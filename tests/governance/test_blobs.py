"""Model files are named after their content and never believed without looking."""

from hashlib import sha256
from pathlib import Path

import pytest

from forerun.errors import ModelFileError
from forerun.governance import blobs
from forerun.governance.blobs import ModelFiles

CONTENT = b"a model" * 1000


def test_name_is_the_content(tmp_path: Path) -> None:
    """A file is called by its sha256, and put twice it is there once."""
    models = ModelFiles(tmp_path)
    assert models.put(CONTENT) == models.put(CONTENT) == sha256(CONTENT).hexdigest()
    assert [path.name for path in tmp_path.iterdir()] == [f"{sha256(CONTENT).hexdigest()}.onnx"]
    assert models.get(models.put(CONTENT)) == CONTENT


@pytest.mark.parametrize("damage", [CONTENT[:-1], CONTENT[:-1] + b"?", b"", CONTENT + b"!"])
def test_damage_is_refused_then_repaired(tmp_path: Path, damage: bytes) -> None:
    """A file whose bytes changed is not served; putting the right ones again repairs it."""
    models = ModelFiles(tmp_path)
    digest = models.put(CONTENT)
    models.path(digest).write_bytes(damage)
    with pytest.raises(ModelFileError, match="damaged"):
        models.get(digest)
    assert models.put(CONTENT) == digest
    assert models.get(digest) == CONTENT


def test_missing_file_names_its_path(tmp_path: Path) -> None:
    """What is not there is said with where it should be."""
    with pytest.raises(ModelFileError, match=r"0000\.onnx is missing"):
        ModelFiles(tmp_path).get("0" * 64)


def test_size_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model too large is refused when stored and when found."""
    models = ModelFiles(tmp_path)
    digest = models.put(CONTENT)
    monkeypatch.setattr(blobs, "BYTES_MAX", len(CONTENT) - 1)
    with pytest.raises(ModelFileError, match="7,000 bytes"):
        models.put(CONTENT)
    with pytest.raises(ModelFileError, match="7,000 bytes"):
        models.get(digest)
