"""The command line: its output, and its error messages."""

import json
import resource
import shutil
import subprocess
import sys
import time
from fnmatch import fnmatch

import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner
from PIL import Image
from toy_face import Constant, dome, toy_layout

from facelib.__main__ import main
from facelib.cli import common, photo_folder
from facelib.files.lock import locked
from facelib.geometry.meshfiles import read_mesh
from facelib.imaging import imagefiles
from facelib.reconstruction.photo_pairs import read_results
from facelib.reconstruction.reconstruct import reconstruct


@pytest.fixture
def photos(tmp_path):
    """A photo with a face, one without, and a file that is not a photo."""
    Image.fromarray(skimage.data.astronaut()[:256, 100:356]).save(tmp_path / "face.jpg")
    Image.fromarray(np.zeros((80, 60, 3), np.uint8)).save(tmp_path / "blank.png")
    (tmp_path / "note.jpg").write_text("no picture")
    return tmp_path


@pytest.fixture
def toy_network(monkeypatch):
    """Replace the shipped network and layout by toys."""
    monkeypatch.setattr(
        common, "load_network", lambda *_, **__: Constant(dome((32, 33), 42), toy_layout(64))
    )
    monkeypatch.setattr("facelib.face.layout.load_layout", toy_layout)
    monkeypatch.setitem(reconstruct.__kwdefaults__, "layout_of", toy_layout)
    photo_folder._network.cache_clear()  # another test's
    yield
    photo_folder._network.cache_clear()


def assert_fails(result, code, words):
    """The command must have ended with this code, and a last line that has these words."""
    assert result.exit_code == code, result.output
    message = result.output.strip().splitlines()[-1]
    assert message.startswith("Error: ")
    for word in words:
        assert word in message


def run(folder, *arguments):
    arguments = [str(a) if str(a).startswith("-") else a for a in arguments]
    paths = [folder / a if isinstance(a, str) and "." in a else a for a in arguments]
    return CliRunner().invoke(main, [str(a) for a in paths])


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("ending", "files"),
    [("obj", ["me-*.mtl", "me-*.png", "me.obj"]), ("glb", ["me.glb"]), ("ply", ["me.ply"])],
)
def test_reconstruct_writes_the_mesh_that_the_ending_names(photos, toy_network, ending, files):
    before = contents(photos)
    result = run(photos, "reconstruct", "face.jpg", "face.jpg", "-o", f"me.{ending}")
    assert result.exit_code == 0, result.output
    written = sorted(set(contents(photos)) - set(before))
    assert all(map(fnmatch, written, files)) and len(written) == len(files)
    assert all(str(photos / name) in result.stdout for name in written)
    assert len(read_mesh(photos / f"me.{ending}").triangles) == 2 * 11**2


def test_a_front_photo_is_enough_for_a_network_that_can_do_without(
    photos, toy_network, monkeypatch
):
    monkeypatch.setattr(Constant, "side_photo", "optional")
    result = run(photos, "reconstruct", "face.jpg", "-o", "me.ply")
    assert result.exit_code == 0, result.output
    assert (photos / "me.ply").exists()


def test_keypoints_are_in_the_front_photos_pixels(photos, toy_network):
    result = run(
        photos, "reconstruct", "face.jpg", "face.jpg", "-o", "me.ply", "--keypoints", "k.npy"
    )
    assert result.exit_code == 0, result.output
    keypoints = np.load(photos / "k.npy")
    assert keypoints.shape == (68, 3)
    low, high = keypoints[:, :2].min(axis=0), keypoints[:, :2].max(axis=0)
    assert (low < [125, 117]).all() and (high > [125, 117]).all()  # the astronaut's nose is inside


def test_a_box_stands_in_for_the_detector(photos, toy_network):
    result = run(
        photos,
        "reconstruct",
        "face.jpg",
        "blank.png",
        "-o",
        "me.ply",
        "--side-box",
        10,
        10,
        50,
        60,
    )
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.jpg", "face.jpg", "-o", "me.obj"], 3, ["missing.jpg"]),
        (["face.jpg", "missing.jpg", "-o", "me.obj"], 3, ["missing.jpg"]),
        (["face.jpg", "note.jpg", "-o", "me.obj"], 4, ["note.jpg", "image"]),
        (["face.jpg", "folder.d", "-o", "me.obj"], 4, ["folder.d", "folder"]),
        (["blank.png", "face.jpg", "-o", "me.obj"], 5, ["front photo", "blank.png", "--front-box"]),
        (["face.jpg", "blank.png", "-o", "me.obj"], 5, ["side photo", "blank.png", "--side-box"]),
        (["face.jpg", "face.jpg", "-o", "nowhere.d/me.obj"], 6, ["cannot write", "me.obj"]),
        (["face.jpg", "face.jpg", "-o", "folder.d/sub.obj"], 6, ["cannot write", "sub.obj"]),
        (
            ["face.jpg", "-o", "me.obj", "--keypoints", "face.jpg"],
            7,
            ["face.jpg", ".npy"],
        ),
        (["face.jpg", "-o", "me.obj", "--faces", "face.jpg"], 6, ["over the photo", "face.jpg"]),
        (["face.jpg", "-o", "me.glb", "--faces", "a.png", "--report", "a.png"], 7, [".html"]),
        (["face.jpg", "face.jpg", "-o", "me.glb", "--part", "head"], 2, ["constant", "part head"]),
        (["face.jpg", "-o", "me.glb", "--face", 2, "--front-box", 9, 9, 20, 20], 2, ["both"]),
        (["face.jpg", "-o", "me.glb", "--jobs", 2], 2, ["--jobs needs --pairs"]),
        (["face.jpg", "-o", "me.obj", "--rig"], 2, ["--rig", "FILE.glb"]),
        (["face.jpg", "face.jpg", "-o", "/proc/me.glb"], 6, ["cannot write /proc/me.glb"]),
        (["-o", "me.glb"], 2, ["FRONT", "--pairs"]),
        (["face.jpg", "--pairs", "folder.d", "-o", "out.d"], 2, ["--pairs", "FRONT"]),
        (
            ["--pairs", "folder.d", "-o", "out.d", "--keypoints", "k.npy"],
            2,
            ["--keypoints is of use for one pair"],
        ),
        (["--pairs", "folder.d", "-o", "out.d"], 8, ["folder.d", "NAME_front.jpg"]),
        (["--pairs", "missing.d", "-o", "out.d"], 3, ["missing.d"]),
        (
            ["face.jpg", "face.jpg", "-o", "me.obj", "--keypoints", "me.obj"],
            7,
            ["me.obj", ".npy"],
        ),
        (["face.jpg", "face.jpg", "-o", "me.stl"], 7, ["me.stl", ".obj", ".glb", ".ply"]),
        (["face.jpg", "face.jpg"], 2, ["--output"]),
        (["face.jpg", "-o", "me.obj"], 2, ["SIDE is missing", "constant"]),
        (["face.jpg", "-o", "me.obj", "--side-box", 9, 9, 20, 20], 2, ["--side-box", "SIDE"]),
        (
            ["face.jpg", "face.jpg", "-o", "me.obj", "--side-box", 9, 9, 2, 2],
            2,
            ["--side-box", "X0 less than X1"],
        ),
        (["face.jpg", "-o", "me.obj", "--front-box", "nan", 0, 9, 9], 2, ["X0 less than X1"]),
        (["face.jpg", "-o", "me.obj", "--front-box", 0, 0, "inf", 9], 2, ["X0 less than X1"]),
        (["face.jpg", "-o", "me.obj", "--front-box", 0, 0, 1e9, 1e9], 2, ["too large", "256 px"]),
        (
            ["face.jpg", "face.jpg", "-o", "me.obj", "--front-box", 900, 9, 999, 99],
            2,
            ["--front-box", "256 px wide"],
        ),
        (["face.jpg", "face.jpg", "-o", "me.obj", "--keypoints", "no.d/k.npy"], 6, ["k.npy"]),
    ],
)
def test_failures_are_one_sentence_with_their_own_code(photos, toy_network, arguments, code, words):
    (photos / "folder.d").mkdir()
    (photos / "folder.d" / "sub.obj").mkdir()
    before = contents(photos)
    result = run(photos, "reconstruct", *arguments)
    assert_fails(result, code, words)
    assert "Traceback" not in result.output
    assert contents(photos) == before, "something half-written stayed behind"


def test_boxes_and_results_are_in_pixels_of_the_file_even_if_it_is_shrunk(
    photos, toy_network, monkeypatch
):
    words = ["reconstruct", "face.jpg", "face.jpg", "-o", "me.ply", "--keypoints", "k.npy"]
    words += ["--front-box", 83, 50, 168, 175, "--side-box", 83, 50, 168, 175]
    whole = json.loads(run(photos, *words, "--json").stdout)
    keypoints = np.load(photos / "k.npy")
    monkeypatch.setattr(imagefiles, "KEPT_PIXELS", 200 * 200)
    monkeypatch.setattr(imagefiles, "ENOUGH_PIXELS", 128 * 128)
    shrunk = json.loads(run(photos, *words, "--json").stdout)
    np.testing.assert_allclose(np.load(photos / "k.npy"), keypoints, atol=0.1)
    for before, after in zip(whole["photos"], shrunk["photos"], strict=True):
        assert before["note"] is None and after["note"] in run(photos, *words).stdout
        assert (after["width_px"], after["height_px"]) == (256, 256)
        np.testing.assert_allclose(after["face_box_px"], before["face_box_px"])
        np.testing.assert_allclose(after["crop_px"], before["crop_px"], atol=0.1)
    outside = run(photos, *words[:7], "--front-box", 300, 0, 400, 99)
    assert_fails(outside, 2, ["--front-box", "256 px wide"])


@pytest.mark.parametrize("mesh", ["me.glb", "me.obj", "me.ply"])
def test_a_disk_that_fills_up_leaves_what_was_there(photos, toy_network, mesh):
    words = ["reconstruct", "face.jpg", "face.jpg", "-o", mesh, "--keypoints", "k.npy"]
    assert run(photos, *words).exit_code == 0
    before = {path: path.read_bytes() for path in photos.iterdir()}
    Image.open(photos / "face.jpg").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        photos / "other.png"
    )
    before[photos / "other.png"] = (photos / "other.png").read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limit[1]))  # the texture is larger
    try:
        result = run(photos, "reconstruct", "other.png", "other.png", *words[3:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert_fails(result, 6, ["cannot write", mesh, "too large"])
    assert {path: path.read_bytes() for path in photos.iterdir()} == before


def test_json_says_the_same_as_the_words_and_nothing_else_is_printed(photos, toy_network):
    words = ["reconstruct", "face.jpg", "face.jpg", "-o", "me.glb", "--interocular", 60]
    told = json.loads(run(photos, *words, "--json").stdout)
    assert told["files"] == [str(photos / "me.glb")] and told["interocular_mm"] == 60
    assert [photo["file"] for photo in told["photos"]] == ["face.jpg"] * 2
    assert [photo["view"] for photo in told["photos"]] == ["front", "side"]
    assert len(told["keypoints_px"]) == 68 and told["network"] == "constant in torch"
    assert "60 mm (--interocular)" in run(photos, *words).stdout
    assert run(photos, *words, "--quiet").output == ""
    failed = run(photos, *words[:3], "-o", "me.glb", "--json", "--part", "head")
    assert failed.exit_code == 2
    missing = run(photos, "reconstruct", "no.jpg", "-o", "me.glb", "--json")
    assert json.loads(missing.stdout)["exit_code"] == missing.exit_code == 3


def test_a_folder_gives_a_mesh_per_pair_and_a_table_whatever_one_of_them_does(photos, toy_network):
    people = photos / "people.d"
    people.mkdir()
    for name in ("Ann_front", "Ann_side", "Bo_front", "Cy_side"):
        shutil.copy(photos / "face.jpg", people / f"{name}.jpg")
    shutil.copy(photos / "note.jpg", people / "Di_front.jpg")
    shutil.copy(photos / "face.jpg", people / "Di_side.jpg")
    words = ["reconstruct", "--pairs", "people.d", "-o", "out.d", "--jobs", 1, "--format", "ply"]
    assert_fails(run(photos, *words), 10, ["3 of 4 pairs failed", "Bo"])
    table = read_results(photos / "out.d" / "results.csv")
    assert {name: row.status for name, row in table.items()} == {
        "Ann": "done", "Bo": "failed", "Cy": "failed", "Di": "failed",
    }  # fmt: skip
    assert "SIDE is missing" in table["Bo"].sentence and "no front photo" in table["Cy"].sentence
    assert "Di_front.jpg as an image" in table["Di"].sentence
    assert contents(photos / "out.d") == ["Ann.ply", "results.csv"]
    made = (photos / "out.d" / "Ann.ply").stat().st_mtime_ns
    run(photos, *words)
    assert (photos / "out.d" / "Ann.ply").stat().st_mtime_ns == made, "it was done before"
    shutil.copy(photos / "face.jpg", people / "Bo_side.jpg")
    Image.open(photos / "face.jpg").rotate(2).save(people / "Ann_side.jpg")
    run(photos, *words)
    assert (photos / "out.d" / "Ann.ply").stat().st_mtime_ns > made, "its side photo has changed"
    assert read_results(photos / "out.d" / "results.csv")["Bo"].status == "done"


def test_a_folder_of_results_is_written_by_one_program_at_a_time(photos, toy_network):
    (photos / "people.csv").write_text("name,front,side\nme,face.jpg,face.jpg\n")
    with locked(photos / "out.d"):
        result = run(photos, "reconstruct", "--pairs", "people.csv", "-o", "out.d", "--jobs", 1)
    assert_fails(result, 6, ["out.d is in use by"])
    assert not (photos / "out.d").exists()


def test_a_folder_never_overwrites_its_photos(photos, toy_network):
    (photos / "people.csv").write_text("name,front,side\nme,me.ply,face.jpg\n")
    shutil.copy(photos / "blank.png", photos / "me.ply")
    words = ["reconstruct", "--pairs", "people.csv", "-o", photos, "--jobs", 1, "--format", "ply"]
    assert_fails(run(photos, *words), 6, ["me.ply", "over a photo"])


def test_missing_weights_are_named(photos):
    result = run(
        photos, "reconstruct", "face.jpg", "face.jpg", "-o", "me.ply", "--weights", "no.safetensors"
    )
    assert result.exit_code == 8
    assert "no.safetensors" in result.output


def test_evaluate_prints_the_network_and_the_mean_face(photos, toy_network, monkeypatch):
    from facelib.pairs.sample import FacePair
    from facelib.pairs.store import write_shards

    image, pose = np.zeros((64, 64, 3), np.uint8), np.zeros(3)
    faces = [
        FacePair(image, image, dome((32, 32), side).astype(np.float32), i, pose, pose, str(i), 0.4)
        for i, side in enumerate((38, 40, 45))
    ]
    write_shards(faces, photos / "pairs.d", {})
    write_shards(faces[:1], photos / "one.d", {})
    result = run(photos, "evaluate", "pairs", "pairs.d", "--limit", 2)
    assert result.exit_code == 0, result.output
    assert "2 faces" in result.output
    assert "| constant |" in result.output and "| mean face" in result.output
    assert "–" not in result.output and "--training" not in result.stderr
    one = run(photos, "evaluate", "pairs", "one.d")
    assert one.exit_code == 0 and "--training PAIRS" in one.stderr
    rows = [line for line in one.stdout.splitlines() if line.startswith(("| constant", "| mean"))]
    assert [row.count("(–)") for row in rows] == [6, 6]
    assert (
        "--training" not in run(photos, *"evaluate pairs one.d --training pairs.d".split()).stderr
    )
    assert run(photos, "evaluate", "pairs", "nothing.d").exit_code == 8
    side = photos / "pairs.d" / "00000_side.npy"
    whole = side.read_bytes()
    side.write_bytes(whole[:-1] + b"?")
    assert run(photos, "evaluate", "pairs", "pairs.d").exit_code == 0
    spoilt = run(photos, "evaluate", "pairs", "pairs.d", "--verify")
    assert_fails(spoilt, 8, [str(side), "differs from its SHA-256"])
    side.write_bytes(whole[:-1])
    assert_fails(run(photos, "evaluate", "pairs", "pairs.d"), 8, [str(side), "is cut short"])
    side.write_bytes(whole)
    alone = run(photos, "evaluate", "pairs", "pairs.d", "--front-alone")
    assert alone.exit_code == 8 and "needs a photo from the side" in alone.output
    monkeypatch.setattr(Constant, "side_photo", "optional")
    assert run(photos, "evaluate", "pairs", "pairs.d", "--front-alone").exit_code == 0


def test_evaluate_keeps_every_score_and_how_it_was_made(photos, toy_network):
    from facelib.evaluation.record import read_record
    from facelib.files.atomic import sha256
    from facelib.pairs.sample import FacePair
    from facelib.pairs.store import write_shards

    pose = np.zeros(3)
    for folder, size, share in (("held.d", 64, 0.6), ("training.d", 32, 0.601)):
        image = np.zeros((size, size, 3), np.uint8)
        face = dome(((size - 1) / 2,) * 2, size * share).astype(np.float32)
        pair = FacePair(image, image, face, 7, pose, pose, folder, 0.4)
        write_shards([pair], photos / folder, {"seed": 3})
    run(
        photos,
        *("evaluate", "pairs", "held.d", "--training", "training.d", "--weights", "note.jpg"),
        *("--json", "record.json"),
    )
    record = read_record(photos / "record.json")
    assert record.method == "constant"
    # A training set of half the size has the same mean face, in its own pixels.
    assert record.evaluation.mean_face[0].vertex_error_mm < 0.1
    assert record.about["weights"]["sha256"] == sha256(photos / "note.jpg")
    assert record.about["pairs"] == {"seed": 3, "size": 64, "count": 1}
    assert str(photos) not in (photos / "record.json").read_text()
    failed = run(photos, "evaluate", "pairs", "held.d", "--json", "nowhere.d/record.json")
    assert failed.exit_code == 6


def test_consistency_has_a_row_for_every_photo_and_weights(photos, toy_network):
    weights = ("--weights", "one.safetensors", "--weights", "two.safetensors")
    result = run(photos, "consistency", "--pair", "face.jpg", "face.jpg", *weights)
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if line.startswith("|")]
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| face.jpg"] * 2 + ["| mean of 1"] * 2
    assert "one.safetensors" in rows[2] and "two.safetensors" in rows[3]


def test_consistency_as_json_takes_photos_alone_and_pairs(photos, toy_network, monkeypatch):
    monkeypatch.setattr(Constant, "side_photo", "optional")
    words = ["face.jpg", "--pair", "face.jpg", "face.jpg", "--json", "rows.json"]
    result = run(photos, "consistency", *words)
    assert result.exit_code == 0, result.output
    rows = json.loads((photos / "rows.json").read_text())
    assert [row["photo"] for row in rows] == ["face.jpg"] * 2
    # The toy never looks: every answer moves with its crop.
    assert rows[0]["shifted_px"] == pytest.approx(0.075 * 64, rel=1e-3)
    assert rows[0]["shifted_share"] == pytest.approx(rows[0]["shifted_px"] / rows[0]["box_px"])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, ["PHOTO", "--pair"]),
        (["face.jpg"], 2, ["constant needs a photo from the side"]),
        (["missing.jpg"], 3, ["missing.jpg"]),
        (["note.jpg"], 4, ["note.jpg", "image"]),
        (["--pair", "face.jpg", "blank.png"], 5, ["no face", "blank.png"]),
    ],
)
def test_consistency_fails_in_one_sentence(photos, toy_network, arguments, code, words):
    result = run(photos, "consistency", *arguments)
    assert_fails(result, code, words)


def test_help_names_the_exit_codes_and_loads_nothing_heavy():
    code = (
        "import sys; from facelib.__main__ import main\n"
        "try: main(['reconstruct', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'torch', 'numpy', 'onnxruntime', 'trimesh', 'numba'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no face was found" in done.stdout
    assert time.perf_counter() - start < 10
