"""The suite behind `facelib evaluate --suite`: errors, intervals, what is varied, and its files."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.integrate import trapezoid

from facelib.__main__ import main
from facelib.evaluation.intervals import area_under_ced, estimate
from facelib.evaluation.metrics import ced
from facelib.evaluation.suite import curves, tables
from facelib.evaluation.suite.errors import AXES, all_errors, outside, quick_errors, regions
from facelib.evaluation.suite.peers import from_keypoints, from_surface, other_head
from facelib.evaluation.suite.people import Scene, take
from facelib.evaluation.suite.record import read_suite, write_suite
from facelib.evaluation.suite.report import DRAWINGS
from facelib.evaluation.suite.run import SMALL, _run, vary
from facelib.face.layout import load_layout
from facelib.fitting.head_prior import shipped_prior
from facelib.synthetic.settings import SyntheticSettings

SETTINGS = SyntheticSettings(size=128, seed=8, held_out=True)


@pytest.fixture(scope="module")
def people():
    return take(0, SETTINGS), take(1, SETTINGS)


def test_regions_share_the_face_out():
    assert sum(each.astype(int) for each in regions().values()).tolist() == (
        load_layout().labels["face"].astype(int).tolist()
    )


def test_what_is_hidden_lies_in_nostrils_lids_and_lips():
    hidden = load_layout().labels["face"] & ~outside()
    inside = regions()["eyes"] | regions()["nose"] | regions()["mouth"]
    assert 20 < hidden.sum() < 200
    assert not (hidden & ~inside).any()


def test_the_truth_has_no_error_and_a_shifted_one_has_no_shape_error(people):
    pair = people[0].pair
    assert max(all_errors(pair.vertices_image, pair).values()) < 1e-3
    shifted = all_errors(pair.vertices_image + [3 * pair.px_per_mm, 0, 0], pair)
    assert shifted["vertex_mm"] == pytest.approx(3, abs=1e-4)
    assert shifted["vertex_across_mm"] == pytest.approx(3, abs=1e-4)
    assert max(shifted[f"vertex_{axis}_mm"] for axis in AXES[1:]) < 1e-4
    assert shifted["shape_mm"] < 1e-4
    assert shifted["surface_mm"] < 1e-3


def test_a_bulge_of_the_nose_is_an_error_of_the_nose(people):
    pair = people[0].pair
    bulged = pair.vertices_image + 4 * pair.px_per_mm * np.outer(regions()["nose"], [0, 0, 1])
    errors = quick_errors(bulged, pair)
    assert errors["nose_mm"] > 2.5
    assert max(errors[f"{name}_mm"] for name in regions() if name != "nose") < 1.2
    assert errors["shape_depth_mm"] > 3 * errors["shape_across_mm"]


def test_a_scene_sets_what_it_names_and_keeps_the_rest(people):
    drawn = people[0]
    turned = take(0, SETTINGS, scene=Scene(front_yaw_deg=40, side_yaw_deg=60, distance_mm=700))
    np.testing.assert_array_equal(turned.vertices_head, drawn.vertices_head)
    assert abs(turned.pair.front_pose_deg[1]) == pytest.approx(40)
    assert abs(turned.pair.side_pose_deg[1]) == pytest.approx(60)
    assert np.sign(turned.pair.side_pose_deg[1]) == np.sign(drawn.pair.side_pose_deg[1])
    np.testing.assert_array_equal(turned.pair.front_pose_deg[::2], drawn.pair.front_pose_deg[::2])
    assert [-camera.translation_eye[2] for camera in turned.cameras] == [700, 700]
    assert turned.facts == drawn.facts


def test_a_lamp_from_the_side_darkens_the_other_cheek():
    studio = replace(SETTINGS, ingredients=replace(SETTINGS.ingredients, film=False))
    from_right = take(0, studio, scene=Scene(front_yaw_deg=0, lamp_azimuth_deg=70)).pair.front
    from_left = take(0, studio, scene=Scene(front_yaw_deg=0, lamp_azimuth_deg=-70)).pair.front
    left_half, right_half = np.s_[50:90, 40:58], np.s_[50:90, 70:88]
    assert from_right[right_half].mean() > from_left[right_half].mean() + 10
    assert from_left[left_half].mean() > from_right[left_half].mean() + 10


def test_no_expression_is_a_face_at_rest():
    resting = take(0, SETTINGS, scene=Scene(expression=0.0)).vertices_head
    stronger = take(0, SETTINGS, scene=Scene(expression=1.5)).vertices_head
    drawn = take(0, SETTINGS).vertices_head
    moved, moved_more = (np.abs(v - resting).max() for v in (drawn, stronger))
    assert moved_more > moved > 0.5


@pytest.mark.parametrize("name", ["blur", "shrink", "compress", "add_noise", "cover"])
def test_edits_change_more_with_their_level(people, name):
    photo, edit = people[0].pair.front, getattr(curves, name)
    gentle, harsh = {
        "blur": (1, 6),
        "shrink": (60, 20),
        "compress": (90, 5),
        "add_noise": (0.02, 0.3),
        "cover": (0.1, 0.5),
    }[name]
    changes = [
        np.abs(edit(photo, level, np.random.default_rng(0)).astype(int) - photo).mean()
        for level in (gentle, harsh)
    ]
    assert 0 < changes[0] < changes[1]


def test_a_cover_hides_the_share_that_it_names(people):
    photo = np.zeros_like(people[0].pair.front)
    covered = curves.cover(photo, 0.4, np.random.default_rng(3))
    share = (covered > 0).all(axis=2).sum() / (len(photo) * curves.FACE_SHARE) ** 2
    assert share == pytest.approx(0.4, abs=0.02)


def test_the_true_surface_leaves_hardly_an_error_and_true_points_a_small_one(people):
    taken, other = people
    by_surface, by_points, by_other = (
        quick_errors(answer, taken.pair)["shape_mm"]
        for answer in (
            from_surface(taken, other),
            from_keypoints(taken, other, views=2),
            other_head(taken, other),
        )
    )
    assert by_surface < 0.2
    assert 0.1 < by_points < by_other / 2


def test_a_head_of_the_model_is_found_exactly(people):
    prior = shipped_prior()
    coefficients = np.random.default_rng(0).normal(prior.likeliest, 0.3)
    taken = replace(people[0], vertices_head=prior.vertices(coefficients))
    camera = taken.cameras[0]
    truth = camera.head_to_image(prior.vertices(coefficients))
    pair = replace(taken.pair, vertices_image=truth - [0, 0, truth[:, 2].min()])
    assert quick_errors(from_surface(replace(taken, pair=pair), people[1]), pair)["shape_mm"] < 0.05


def test_an_interval_is_that_of_the_standard_error():
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = estimate(values)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert np.isnan(estimate(values[:1]).low)
    with pytest.raises(ValueError, match="one person or more"):
        estimate(values[:0])


def test_the_area_under_the_distribution_is_its_integral():
    errors = np.random.default_rng(2).gamma(3, 1, 50)
    grid = np.linspace(0, 6, 20001)
    assert area_under_ced(errors, 6) == pytest.approx(
        trapezoid(ced(errors, grid), grid) / 6, abs=1e-3
    )


def test_rows_come_back_from_the_file_with_gaps_where_a_row_lacks_a_value(tmp_path):
    rows = [{"index": 0, "level": 1.5, "ok": True}, {"index": 1, "level": "none", "mm": 0.25}]
    write_suite(tmp_path / "s.json", {"command": "x"}, rows, rows[:1], [], rows)
    found = read_suite(tmp_path / "s.json")
    assert found.about == {"command": "x"}
    assert found.methods.where(level="none")["mm"].tolist() == [0.25]
    assert np.isnan(found.methods["mm"][0])
    assert found.methods.different("level") == [(1.5,), ("none",)]
    (tmp_path / "s.json").write_text('{"format": 7}')
    with pytest.raises(ValueError, match="record of the suite"):
        read_suite(tmp_path / "s.json")


def test_without_the_least_sure_the_error_falls_where_sureness_tells():
    sure = np.linspace(1, 2, 40)
    rows = [
        {"curve": "as drawn", "level": "as drawn", "face_expected_rms_mm": s, "shape_mm": s}
        for s in sure[::-1]
    ]
    empty = tables.Rows({})
    record = tables.SuiteRecord({}, empty, _rows(rows), empty, empty)
    everybody, half = tables.rejection(record, (0.0, 0.5))
    assert everybody.value == pytest.approx(1.5)
    assert half.value == pytest.approx(sure[:20].mean())


def _rows(rows):
    return tables.Rows({name: np.array([row[name] for row in rows]) for name in rows[0]})


def test_a_person_has_the_same_errors_in_another_process():
    here, theirs = vary(0, SMALL), _run(2, lambda line: None, [(vary, 0, SMALL)])
    assert len(here) == len(theirs) > 3
    for name in ("shape_mm", "vertex_mm", "face_expected_rms_mm"):
        # Rounded to the last digit that is stored.
        stored = [row[name] for row in theirs]
        np.testing.assert_allclose([row[name] for row in here], stored, atol=1.1e-4)


def test_the_small_suite_writes_record_and_report(tmp_path):
    words = ["evaluate", "--suite", "small", "--out", str(tmp_path), "--workers", "1"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    found = read_suite(tmp_path / "suite.json")
    report = (tmp_path / "report.md").read_text("utf-8")
    assert "stand-in" in report and "STAND-IN for MICC Florence" in report
    assert all((tmp_path / f"{name}.png").is_file() for name in DRAWINGS)
    for rows, error in ((found.methods, "vertex_mm"), (found.scans, "surface_mm")):
        ours = rows.where(method="dense and its fit", given="front, side")[error]
        assert ours.mean() < rows.where(method="mean face")[error].mean() / 2
    assert set(tables.causes(found)) == {int(index) for index in found.causes["index"]}


def test_the_cause_of_an_error_is_what_takes_most_of_it_off():
    errors = {"as drawn": 2.0, "light": 1.9, "expression": 1.2}
    rows = [{"index": 7, "without": k, "shape_mm": v} for k, v in errors.items()]
    rows += [{"index": 8, "without": k, "shape_mm": max(v, 1.7)} for k, v in errors.items()]
    empty = tables.Rows({})
    found = tables.causes(tables.SuiteRecord({}, empty, empty, empty, _rows(rows)))
    assert found == {7: ("expression", pytest.approx(0.8)), 8: ("the head itself", 0.0)}


def test_a_trait_puts_each_person_between_two_edges():
    rows = [
        {"method": "dense and its fit", "given": "front, side", "age_years": age, "shape_mm": mm}
        for age, mm in ((20, 1.0), (29.9, 3.0), (30, 5.0))
    ]
    empty = tables.Rows({})
    record = tables.SuiteRecord({}, _rows(rows), empty, empty, empty)
    table = tables.trait_table(record, "age_years", (18, 30, 60, 90)).splitlines()
    assert [line.split(" | ")[:2] for line in table[2:]] == [
        ["| 18 to 30", "2"],
        ["| 30 to 60", "1"],
    ]
    assert "2.00" in table[2] and "5.00" in table[3]


@pytest.mark.parametrize(
    "words", [["--suite", "all"], ["--out", "x"], [], ["--suite", "small", "pairs", "x"]]
)
def test_the_suite_needs_its_folder_and_no_command(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["evaluate", *words])
    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []
