"""Model files named after their own content, so that a name can never mean other bytes."""

from hashlib import sha256
from pathlib import Path

from forerun.errors import ModelFileError
from forerun.state.files import Files, RealFiles, write_durably

BYTES_MAX = 256 * 1024 * 1024
"""Largest model file that is stored or read; trees for tabular data are a thousand times smaller."""


class ModelFiles:
    """The folder of ONNX files: `<sha256>.onnx` each.

    Args:
        folder: Where they are; made when the first file is put.
        files: The file system.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     models = ModelFiles(Path(folder))
    ...     models.get(models.put(b"not really a model"))
    b'not really a model'
    """

    def __init__(self, folder: Path, *, files: Files | None = None) -> None:
        self.folder = folder
        self._files: Files = files or RealFiles()

    def path(self, digest: str) -> Path:
        """Where the file of that content is, or would be.

        Args:
            digest: Hex sha256 of the content.
        """
        return self.folder / f"{digest}.onnx"

    def put(self, content: bytes) -> str:
        """Store a file, durably; storing it again changes nothing, and repairs a damaged one.

        Args:
            content: The file.

        Returns:
            Hex sha256 of the content.

        Raises:
            ModelFileError: It is larger than `BYTES_MAX`.
        """
        if len(content) > BYTES_MAX:
            raise ModelFileError(
                f"the model has {len(content):,} bytes, more than the {BYTES_MAX:,} that are kept; "
                "train fewer or smaller trees"
            )
        digest = sha256(content).hexdigest()
        path = self.path(digest)
        if self._files.size(path) != len(content) or self._files.read(path) != content:
            write_durably(self._files, path, content)
        return digest

    def get(self, digest: str) -> bytes:
        """Read a file and check that it is what its name says.

        Args:
            digest: Hex sha256 of the content.

        Raises:
            ModelFileError: It is missing, damaged or too large.
        """
        path = self.path(digest)
        size = self._files.size(path)
        if size is None:
            raise ModelFileError(f"{path} is missing; restore it from a copy, or train again")
        if size > BYTES_MAX:
            raise ModelFileError(f"{path} has {size:,} bytes, more than the {BYTES_MAX:,} that are read")
        content = self._files.read(path)
        found = sha256(content).hexdigest()
        if found != digest:
            raise ModelFileError(
                f"{path} is damaged: its content has sha256 {found[:12]}..., not that of its name; "
                "restore it from a copy, or train again"
            )
        return content
