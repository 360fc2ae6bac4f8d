"""The random numbers of one sample: each step has its own stream.

A stream is spawned from the settings' seed by the kind of draw and the sample's index. So sample i
is a function of the settings and i alone, and a change of one draw does not affect the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.synthetic.settings import SyntheticSettings

# Branches of the seed's tree.
TRAINING, HELD_OUT = 0, 1
PERSON, FACE, VIEW, SKIN, OUTFIT, SITTING = 0, 1, 2, 3, 5, 7
CAMERA, LIGHT, FILM = 0, 1, 2  # what both photos of a sitting share


@dataclass(frozen=True)
class Streams:
    """The generators of a sample; each access returns a generator at its start.

    Attributes:
        settings: for the seed, and whether people are held out.
        index: of the sample: 0, 1, 2, …
    """

    settings: SyntheticSettings
    index: int

    @property
    def person_number(self) -> int:
        """Number of the person, which consecutive samples may share."""
        return self.index // self.settings.pairs_per_person

    @property
    def person(self) -> np.random.Generator:
        """Draws the person."""
        return self._spawn(PERSON, self.person_number)

    @property
    def outfit(self) -> np.random.Generator:
        """Draws the outfit."""
        return self._spawn(OUTFIT, self.person_number)

    @property
    def skin(self) -> np.random.Generator:
        """Draws the complexion."""
        return self._spawn(SKIN, self.person_number)

    @property
    def face(self) -> np.random.Generator:
        """Draws the expression."""
        return self._spawn(FACE, self.index)

    def view(self, side: bool) -> np.random.Generator:
        """Return the generator of pose, camera, light and film of the front or the side photo."""
        return self._spawn(VIEW, self.index, int(side))

    @property
    def sitting_camera(self) -> np.random.Generator:
        """Draws the camera's distance in a sitting."""
        return self._spawn(SITTING, self.index, CAMERA)

    @property
    def sitting_light(self) -> np.random.Generator:
        """Draws the light of a sitting."""
        return self._spawn(SITTING, self.index, LIGHT)

    @property
    def sitting_film(self) -> np.random.Generator:
        """Draws film and background of a sitting."""
        return self._spawn(SITTING, self.index, FILM)

    def _spawn(self, *branch: int) -> np.random.Generator:
        kind = HELD_OUT if self.settings.held_out else TRAINING
        sequence = np.random.SeedSequence(self.settings.seed, spawn_key=(kind, *branch))
        return np.random.default_rng(sequence)
