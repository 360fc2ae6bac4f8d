"""Which ingredients a synthetic photo has; each can be switched on alone.

Chapter 6 switches them one by one; chapter 7 measures the effect of each on a network. Only
`studio.Studio.of` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Ingredients:
    """Switches of the generator; with all off, a plain head under plain light.

    Attributes:
        origins: age, sex and origin drawn evenly, and a shape that fits them.
        expressions: combined facial actions, blinks, open mouths and eyes that look around.
        skin: pores, wrinkles, moles, make-up and eyes painted finely.
        hair: hair, brows, lashes and beards as geometry.
        glasses: glasses on some people.
        clothes: hats, collars and shoulders.
        things: hands, microphones, phones and cups before some faces.
        light: an environment's light, occlusion and soft shadows.
        film: lens, exposure, white balance, blur, noise and JPEG; some black-and-white or faded
            prints and small copies.
    """

    origins: bool = False
    expressions: bool = False
    skin: bool = False
    hair: bool = False
    glasses: bool = False
    clothes: bool = False
    things: bool = False
    light: bool = False
    film: bool = False

    @classmethod
    def all(cls) -> Ingredients:
        """Switch everything on."""
        return cls(**{field.name: True for field in fields(cls)})
