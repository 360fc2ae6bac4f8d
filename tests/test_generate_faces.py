"""The shell script that drives FaceGen, against a fake `fg3` that records its calls."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facelib.datasets.facegen.view import HEADER, FaceGenView, read_view, write_view
from facelib.geometry.transforms import pose_from_rotation
from facelib.render.camera import Camera

SCRIPT = Path(__file__).parent.parent / "data" / "facegen" / "generate_faces.sh"
# What the real one leaves: each command writes the files that the next one needs, or fails.
FAKE = """#!/bin/sh
set -eu
echo "$*" >> "$FG3_CALLS"
[ "${FG3_FAILS_AT:-}" != "$*" ] || exit 1
[ "$1" != -s ] || shift
case "$1 $2" in
"random run") [ -e "$3.xml" ] && echo face > "${4}0000.fg" ;;
"construct Head/Headhires" | "construct BFM/BFM")
	[ -d "${2%/*}" ] && [ -e "$3" ] && echo "$2" > "$4.tri" && echo skin > "$4.jpg" ;;
render\\ *)
	[ -s base_mesh.tri ] && [ -s "$2.xml" ] && echo photo > "$2.png"
	echo pose > "${4}_pose.xml"; echo camera > "${4}_cam.xml" ;;
triexport\\ *) cp base_mesh.tri "$2" ;;
*) exit 64 ;;
esac
"""
# In place of `facelib pairs facegen-poses`, which takes seconds; one test runs the real one.
FAKE_PYTHON = """#!/bin/sh
[ "$1 $2 $3 $4" = "-m facelib pairs facegen-poses" ] &&
cp "$5/front.xml" "$5/left.xml" "$5/right.xml" "$6"
"""
SETTINGS = (
    f"{HEADER}<rend><models><count>1</count></models><pose><rotateToHcs><m_real>1</m_real><m_comp>"
    "<m><count>3</count><item>0</item><item>0</item><item>0</item></m></m_comp></rotateToHcs>"
    "<fovMaxDeg>17</fovMaxDeg></pose></rend></val></boost_serialization>\n"
)


def calls_of(number):
    return [
        "random run _random_settings base_ 1",
        "construct Head/Headhires base_0000.fg base_mesh",
        "render front -s front",
        "render left -s left",
        "render right -s right",
        "-s construct BFM/BFM base_0000.fg base_mesh",
        f"-s triexport {number}/{number}.obj base_mesh.tri",
    ]


class Place:
    """A folder of FaceGen's models, a fake fg3, and somewhere to generate to."""

    def __init__(self, root):
        self.out, self.calls, self.sam = root / "out dir", root / "calls", root / "sam"
        self.bin = root / "bin"
        for folder in (self.bin, self.sam / "Head", self.sam / "BFM"):
            folder.mkdir(parents=True)
        (self.sam / "_random_settings.xml").write_text("<random/>")
        for view in ("front", "left", "right"):
            (self.sam / f"{view}.xml").write_text(SETTINGS)
        for name, text in (("fg3", FAKE), ("python", FAKE_PYTHON)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)

    def run(self, *arguments, **variables):
        environment = os.environ | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(SCRIPT.parent.parent.parent),
            "FACEGEN_SAM": str(self.sam),
            "FG3_CALLS": str(self.calls),
        }
        return subprocess.run(
            ["sh", SCRIPT, *map(str, arguments)],
            env=environment | variables,
            capture_output=True,
            text=True,
        )

    def recorded(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_script_is_clean_shell():
    checker = Path(sys.executable).with_name("shellcheck")
    result = subprocess.run([checker, "--severity=style", SCRIPT], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_it_calls_fg3_as_listing_4_1_does(place):
    result = place.run(2, place.out)
    assert result.returncode == 0, result.stderr
    assert place.recorded() == calls_of("00001") + calls_of("00002")
    assert names(place.out) == ["00001", "00002"]
    ends = ("front", "left", "right")
    assert names(place.out / "00001") == sorted(
        ["00001.obj"]
        + [f"00001_{view}{end}" for view in ends for end in (".png", ".xml", "_cam.xml")]
    )
    assert (place.out / "00001" / "00001.obj").read_text() == "BFM/BFM\n"
    assert names(place.sam) == [
        "BFM", "Head", "_random_settings.xml", "front.xml", "left.xml", "right.xml",
    ]  # fmt: skip


def test_every_person_is_turned_anew_within_the_thesiss_ranges(place, tmp_path):
    assert place.run(2, place.out, PYTHON=sys.executable).returncode == 0
    camera = tmp_path / "any_cam.xml"
    write_view(
        tmp_path / "any.xml", camera, FaceGenView.of_camera(Camera.perspective((0,) * 3, 9, 9))
    )
    yaws = {}
    for number in ("00001", "00002"):
        for view in ("front", "left", "right"):
            pose = place.out / number / f"{number}_{view}.xml"
            assert "<!DOCTYPE boost_serialization>" in pose.read_text()
            yaws[number, view] = pose_from_rotation(read_view(pose, camera).rotation)[1] * 57.29578
    assert len(set(yaws.values())) == 6
    for number in ("00001", "00002"):
        assert abs(yaws[number, "front"]) <= 14
        assert -100 <= yaws[number, "left"] <= -67.5
        assert 67.5 <= yaws[number, "right"] <= 100


def test_people_who_are_there_are_kept(place):
    place.run(1, place.out)
    place.calls.unlink()
    (place.out / "00001" / "00001.obj").write_text("mine")
    assert place.run(2, place.out).returncode == 0
    assert place.recorded() == calls_of("00002")
    assert (place.out / "00001" / "00001.obj").read_text() == "mine"


@pytest.mark.parametrize("call", range(7))
def test_a_failure_leaves_nothing_half_written(place, call):
    result = place.run(2, place.out, FG3_FAILS_AT=calls_of("00002")[call])
    assert result.returncode != 0
    done = [] if call < 6 else ["00001"]  # all but the last call are the same for both people
    assert names(place.out) == done
    assert place.run(2, place.out).returncode == 0
    assert names(place.out) == ["00001", "00002"]


def test_without_fg3_one_sentence_says_what_it_is(place):
    (place.bin / "fg3").unlink()
    result = place.run(2, place.out)
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
    assert "FaceGen SDK" in result.stderr and "standin facegen" in result.stderr
    assert not place.out.exists()


@pytest.mark.parametrize("missing", ["BFM", "_random_settings.xml", "left.xml"])
def test_what_is_missing_is_named(place, missing):
    path = place.sam / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    result = place.run(1, place.out)
    assert result.returncode == 3 and missing in result.stderr
    assert not place.recorded()


@pytest.mark.parametrize("arguments", [(), ("many",), ("-1",), ("1234567",), ("1", "a", "b")])
def test_a_wrong_number_is_refused(place, arguments):
    result = place.run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("generate_faces.sh: ") and not place.recorded()
