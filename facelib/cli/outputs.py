"""Names of the files that `facelib reconstruct` writes, checked before the work starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facelib.cli.common import UNKNOWN_ENDING, UNWRITABLE, Failure, check_writable

PICTURE_ENDINGS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@dataclass(frozen=True)
class Outputs:
    """The files that a command writes, of which only the mesh is always there.

    Attributes:
        mesh: .obj, .glb or .ply.
        keypoints: .npy.
        faces: a picture.
        report: .html.
    """

    mesh: Path
    keypoints: Path | None = None
    faces: Path | None = None
    report: Path | None = None

    @property
    def files(self) -> list[Path]:
        """All files, an OBJ's material and texture included."""
        from facelib.geometry.mesh_names import files_of

        return [*files_of(self.mesh), *(path for _, path in self._besides)]

    @property
    def _besides(self) -> list[tuple[str, Path]]:
        """The files besides the mesh, each with its option."""
        named = (
            ("--keypoints", self.keypoints),
            ("--faces", self.faces),
            ("--report", self.report),
        )
        return [(option, path) for option, path in named if path is not None]

    def check(self, photos: Sequence[Path]) -> None:
        """Refuse names that would overwrite a photo, a foreign file, or each other.

        Raises:
            Failure: in one sentence.
        """
        from facelib.geometry.mesh_names import MESH_ENDINGS, files_of, foreign_file

        endings = {
            "--output": MESH_ENDINGS,
            "--keypoints": (".npy",),
            "--faces": tuple(PICTURE_ENDINGS),
            "--report": (".html", ".htm"),
        }
        for option, path in (("--output", self.mesh), *self._besides):
            if path.suffix.lower() not in endings[option]:
                raise Failure(f"{path} must end in {', '.join(endings[option])}", UNKNOWN_ENDING)
        for written in self.files:
            check_writable(written)
            for photo in photos:
                if written.resolve() == photo.resolve():
                    message = f"{written} would be written over the photo {photo}"
                    raise Failure(message, UNWRITABLE)
        taken = {path.resolve(): f"part of the mesh {self.mesh}" for path in files_of(self.mesh)}
        for option, path in self._besides:
            if path.resolve() in taken:
                message = f"{option} {path} is {taken[path.resolve()]}"
                raise Failure(message, UNWRITABLE)
            taken[path.resolve()] = f"the file of {option}"
        if foreign := foreign_file(self.mesh):
            message = f"{self.mesh} would overwrite a file of {foreign}; give it another name"
            raise Failure(message, UNWRITABLE)
