"""Expressions: facial actions drawn in realistic combinations.

Mouth, eyes and brows are drawn independently, as in speech, or together, as in surprise.
`acting` builds a head from the strengths.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Recipe = dict[str, float]

# Groups of actions with their full strengths; a name without Left or Right means both.
# The first number is the group's share of faces within its table.
# Most people smile for a camera: 48 % do in CelebA's 202,599 photos of celebrities from the web
# (Liu and others 2015), and 63 % of all mouths there are open (Wu and others 2023, who corrected
# these labels). Here 48 % smile, four of five of them with visible teeth; 59 % of mouths are open.
MOUTHS: dict[str, tuple[float, Recipe]] = {
    "rest": (0.14, {}),
    "smile": (0.13, {"mouthSmile": 0.7, "cheekSquint": 0.4, "mouthDimple": 0.3}),
    "grin": (0.28, {
        "mouthSmile": 0.9, "mouthUpperUp": 0.8, "mouthLowerDown": 0.5, "mouthStretch": 0.15,
        "mouthDimple": 0.2, "cheekSquint": 0.6, "eyeSquint": 0.2, "jawOpen": 0.07,
    }),
    "laugh": (0.1, {
        "mouthSmile": 0.8, "jawOpen": 0.5, "mouthUpperUp": 0.4, "mouthLowerDown": 0.3,
        "cheekSquint": 0.8, "eyeSquint": 0.5,
    }),
    "speech_a": (0.07, {"jawOpen": 0.55, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15}),
    "speech_e": (0.05, {
        "mouthStretch": 0.6, "mouthSmile": 0.2, "jawOpen": 0.15, "mouthLowerDown": 0.4,
        "mouthUpperUp": 0.2,
    }),
    "speech_o": (0.045, {"mouthFunnel": 0.7, "jawOpen": 0.35}),
    "speech_u": (0.045, {"mouthPucker": 0.9, "mouthFunnel": 0.2, "jawOpen": 0.08}),
    "speech_m": (0.035, {"mouthPress": 0.4, "mouthRollLower": 0.3, "mouthRollUpper": 0.2}),
    "speech_f": (0.03, {"mouthRollLower": 0.6, "mouthUpperUp": 0.3, "jawOpen": 0.08}),
    "wide_open": (0.03, {"jawOpen": 1.0, "mouthStretch": 0.3}),
    "frown": (0.03, {"mouthFrown": 0.8, "mouthShrugLower": 0.5}),
    "puffed": (0.0075, {"cheekPuff": 0.6, "mouthPress": 0.3}),
    "tongue": (0.0075, {"tongueOut": 0.8, "jawOpen": 0.35, "mouthLowerDown": 0.3}),
}  # fmt: skip
EYES: dict[str, tuple[float, Recipe]] = {
    "open": (0.67, {}),
    "wide": (0.08, {"eyeWide": 0.8}),
    "narrowed": (0.09, {"eyeSquint": 0.9, "eyeBlink": 0.2}),
    "half_closed": (0.07, {"eyeBlink": 0.6}),
    "closed": (0.06, {"eyeBlink": 1.0}),
    "wink_left": (0.015, {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.7, "eyeSquintLeft": 0.3}),
    "wink_right": (0.015, {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.7, "eyeSquintRight": 0.3}),
}
BROWS: dict[str, tuple[float, Recipe]] = {
    "rest": (0.5, {}),
    "raised": (0.18, {"browInnerUp": 0.7, "browOuterUp": 0.8}),
    "worried": (0.1, {"browInnerUp": 0.8}),
    "lowered": (0.16, {"browDown": 0.8}),
    "left_raised": (0.03, {"browOuterUpLeft": 0.9, "browInnerUp": 0.2, "browDownRight": 0.3}),
    "right_raised": (0.03, {"browOuterUpRight": 0.9, "browInnerUp": 0.2, "browDownLeft": 0.3}),
}
# Expressions of the whole face, after Ekman and Friesen's action units.
EMOTIONS: dict[str, tuple[float, Recipe]] = {
    "joy": (0.42, {
        "mouthSmile": 0.9, "cheekSquint": 0.8, "eyeSquint": 0.4, "mouthUpperUp": 0.7,
        "jawOpen": 0.12, "mouthLowerDown": 0.4,
    }),
    "surprise": (0.17, {
        "browInnerUp": 0.9, "browOuterUp": 0.8, "eyeWide": 0.8, "jawOpen": 0.6,
    }),
    "anger": (0.13, {
        "browDown": 0.9, "eyeSquint": 0.5, "noseSneer": 0.4, "mouthPress": 0.4, "mouthFrown": 0.3,
        "eyeWide": 0.2,
    }),
    "disgust": (0.1, {
        "noseSneer": 0.9, "mouthUpperUp": 0.6, "browDown": 0.6, "cheekSquint": 0.4,
        "mouthFrown": 0.3, "mouthShrugLower": 0.2, "eyeSquint": 0.4,
    }),
    "sadness": (0.1, {
        "browInnerUp": 0.9, "mouthFrown": 0.8, "mouthShrugLower": 0.4, "eyeBlink": 0.25,
    }),
    "fear": (0.08, {
        "browInnerUp": 0.8, "browDown": 0.3, "eyeWide": 0.8, "mouthStretch": 0.7, "jawOpen": 0.25,
    }),
}  # fmt: skip
# Range of a group's overall strength; who smiles with teeth for a camera, smiles broadly.
STRENGTH, POSED_STRENGTH = (0.35, 1.0), (0.7, 1.0)
POSED = ("grin", "joy")
EMOTION_SHARE = 0.3
ONE_SIDED_SHARE = 0.1  # of faces are much stronger on one side
# Small motions of every face: actions with their largest strength.
TWITCHES = {"eyeBlink": 0.2, "browInnerUp": 0.2, "browDown": 0.15, "mouthPress": 0.1,
            "mouthDimple": 0.2, "jawLeft": 0.1, "jawRight": 0.1}  # fmt: skip
AT_CAMERA_SHARE = 0.4  # eyes that look straight ahead
GAZE = 0.4  # standard deviation of other eyes' gaze, 1 = the largest possible
UNEVENNESS = (0.85, 1.15)  # of the left and the right half of a face
EVEN = frozenset({"eyeBlink"})  # lids close together, independent of the rest of the face


def random_strengths(rng: np.random.Generator, names: tuple[str, ...]) -> np.ndarray:
    """Draw an expression.

    Args:
        rng: draws.
        names: the head model's actions, in order.

    Returns:
        (len(names),) float64, strength 0..1 of every action.
    """
    if rng.random() < EMOTION_SHARE:
        recipes = [_choose_with_strength(rng, EMOTIONS)]
        closed = rng.random() < EYES["closed"][0]
        recipes += [(EYES["closed"][1], 1.0)] if closed else []
    else:
        eyes = EYES[_choose(rng, EYES)][1]
        overall = 1.0 if "eyeBlink" not in eyes or eyes["eyeBlink"] == 1 else rng.uniform(0.4, 1.2)
        recipes = [
            _choose_with_strength(rng, MOUTHS),
            (BROWS[_choose(rng, BROWS)][1], rng.uniform(0.3, 1.0)),
            (eyes, overall),
        ]
    recipes += [({twitch: most}, rng.beta(1, 3)) for twitch, most in TWITCHES.items()]
    strengths = dict.fromkeys(names, 0.0)
    leaning = _leaning(rng)
    for recipe, overall in recipes:
        for action, full in recipe.items():
            raise_action(strengths, action, full * overall, rng, leaning, UNEVENNESS, EVEN)
    for half in leaning:  # a closed lid cannot be wide open
        strengths[f"eyeWide{half}"] *= 1 - min(strengths[f"eyeBlink{half}"], 1.0)
    if rng.random() >= AT_CAMERA_SHARE:
        look(strengths, *np.clip(rng.normal(0, GAZE, 2), -1, 1))
    return np.clip([strengths[name] for name in names], 0, 1)


def raise_action(
    strengths: dict[str, float],
    action: str,
    amount: float,
    rng: np.random.Generator,
    halves: Mapping[str, float],
    unevenness: tuple[float, float],
    even: frozenset[str] = frozenset(),
) -> None:
    """Raise an action, or its left and right halves by nearly the same amount, in place.

    Args:
        strengths: by name of every action of the head model.
        action: a name, without Left or Right for both.
        amount: strength to add.
        rng: draws how evenly.
        halves: weights of "Left" and "Right", 0..1.
        unevenness: smallest and largest factor on a half.
        even: actions whose halves are raised alike.
    """
    if action in strengths:
        strengths[action] += amount
        return
    for half, share in halves.items():
        factor = 1.0 if action in even else share * rng.uniform(*unevenness)
        strengths[action + half] += amount * factor


def look(strengths: dict[str, float], across: float, up: float) -> None:
    """Rotate both eyes in the same direction, in place.

    Args:
        strengths: by name of every action of the head model.
        across: toward the person's left, −1..1.
        up: −1..1.
    """
    ways = {"Left": "Out" if across > 0 else "In", "Right": "In" if across > 0 else "Out"}
    for half, way in ways.items():
        for direction, amount in ((way, abs(across)), ("Up", up), ("Down", -up)):
            strengths[f"eyeLook{direction}{half}"] += max(amount, 0.0)


def _choose(rng, table):
    shares = np.array([share for share, _ in table.values()])
    return list(table)[rng.choice(len(shares), p=shares / shares.sum())]


def _choose_with_strength(rng, table):
    name = _choose(rng, table)
    return table[name][1], rng.uniform(*(POSED_STRENGTH if name in POSED else STRENGTH))


def _leaning(rng):
    """Weights of the left and the right half, 1 and 1 for most faces."""
    if rng.random() > ONE_SIDED_SHARE:
        return {"Left": 1.0, "Right": 1.0}
    weak = rng.uniform(0, 0.6)
    return {"Left": weak, "Right": 1.0} if rng.random() < 0.5 else {"Left": 1.0, "Right": weak}
