"""Runs are found, tabulated and plotted from their logs."""

import json
import os
import re

import pytest
from click.testing import CliRunner
from PIL import Image

from facelib.__main__ import main
from facelib.cli.common import BAD_DATA, NO_SUCH_FILE, UNKNOWN_ENDING, UNWRITABLE
from facelib.files.paths import data_file
from facelib.training.environment import environment
from facelib.training.log import pack_logs
from facelib.training.run_table import draw_errors, markdown_table
from facelib.training.runs import find_logs, read_runs, read_training

REVISION = "0123456789abcdef0123456789abcdef01234567"


def first_line(name="somewhere/old_name", **others):
    config = {"run_dir": name, "network": "two_view", "size": 64, "seed": 3}
    environment = {"date": "2031-02-03T04:05:06+00:00", "revision": f"{REVISION}-dirty"}
    return {
        "config": config,
        "mean_face_error_px": 5.0,
        "parameters": 1_234_567,
        "environment": environment,
        "continued": [],
        "ended": None,
        **others,
    }


def report(samples, loss=None, error_px=None):
    error_mm = error_px and 3 * error_px
    return {
        "step": samples // 10,
        "samples": samples,
        "seconds": samples * 3.6,
        "loss": 0.5,
        "validation_loss": loss,
        "validation_error_px": error_px,
        "validation_error_mm": error_mm,
    }


REPORTS = (report(500), report(1000, 0.2, 4.0), report(2000, 0.1, 3.0), report(2500, 0.3, 2.0))


def write_log(folder, *lines, name="log.jsonl", end=""):
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines) + end
    (folder / name).write_text(text)
    return folder / name


def cells(table):
    heads, _, *rows = [line.strip("| ").split("|") for line in table.splitlines()]
    heads = [head.strip() for head in heads]
    return [dict(zip(heads, map(str.strip, row), strict=True)) for row in rows]


def runs(*arguments):
    return CliRunner().invoke(main, ["runs", *map(str, arguments)])


def test_a_run_knows_of_what_poses_its_pairs_are(tmp_path):
    logs = [
        write_log(tmp_path / str(number), first_line(data=data), *REPORTS)
        for number, data in enumerate(({"preset": "wide"}, {"source": "300W-LP"}))
    ]
    assert [read_runs(log)[0][0].poses for log in logs] == ["wide", None]


def test_a_log_tells_a_run(tmp_path):
    (run,), fault = read_runs(write_log(tmp_path / "mine", first_line(), *REPORTS))
    assert fault is None
    assert (run.best.samples, run.best.error_px, run.best.error_mm) == (2000, 3.0, 9.0)
    assert run.skill == pytest.approx(3 / 5)  # of the weights kept, which have the lowest loss
    assert cells(markdown_table([run])) == [
        {
            "run": "mine",
            "network": "two_view",
            "size, px": "64",
            "parameters": "1,234,567",
            "samples": "2,500",
            "hours": "2.50",
            "best loss": "0.1",
            "error, px": "3.000",
            "error, mm": "9.00",
            "mean face, px": "5.000",
            "skill": "0.600",
            "seed": "3",
            "revision": "0123456-dirty",
            "date": "2031-02-03",
            "finished": "no",
        }
    ]


def test_a_run_that_ended_is_finished_and_other_code_that_went_on_is_named(tmp_path):
    def went_on(step, revision):
        return {"step": step, "environment": {"revision": revision}}

    continued = [went_on(100, REVISION), went_on(150, "f" * 40), went_on(250, "a" * 40)]
    first = first_line(ended="2031-02-04T00:00:00+00:00", continued=continued)
    (run,), _ = read_runs(write_log(tmp_path / "run", first, *REPORTS))
    assert run.finished
    # The last of them found nothing left to do after step 250.
    assert run.revisions == (f"{REVISION}-dirty", REVISION, "f" * 40)


def test_a_log_from_before_revisions_has_dashes(tmp_path):
    first = {"config": {"network": "prn", "size": 128}, "environment": {"torch": "2"}}
    (run,), fault = read_runs(write_log(tmp_path / "old", first, report(10)))
    assert fault is None
    row = cells(markdown_table([run]))[0]
    unknown = {"parameters", "best loss", "skill", "seed", "revision", "date", "finished"}
    assert {row[name] for name in unknown} == {"–"}
    assert (row["run"], row["network"], row["samples"]) == ("old", "prn", "10")


def test_the_shipped_log_is_read_stage_by_stage():
    log = data_file("weights", "two_view.log.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    stages, fault = read_runs(log)
    assert fault is None
    assert len(stages) == sum("config" in line for line in lines)
    errors = [line["validation_error_px"] for line in lines if line.get("validation_loss")]
    assert [v.error_px for stage in stages for v in stage.validations] == errors
    assert all(stage.name.startswith("two_view: ") for stage in stages)


def two_stages(folder):
    """A log of two runs, the first after 400 samples and 0.1 hours of the encoder alone."""
    before = {"samples": 400, "seconds": 360.0, "unexplained": 0.5}
    write_log(folder / "small", first_line("/home/me/small", encoder_start=before), *REPORTS)
    write_log(folder / "large", first_line("/home/me/large"), *REPORTS[:2])
    packed = folder / "mine.log.jsonl"
    pack_logs([folder / "small", folder / "large"], packed)
    return packed


def test_packed_stages_are_read_as_one_training(tmp_path):
    packed = two_stages(tmp_path)
    assert "/home/me" not in packed.read_text()
    training = read_training(packed)
    assert training.name == "mine"
    assert [stage.name for stage in training.stages] == ["mine: small", "mine: large"]
    assert training.stages[0].losses == ((500, 0.5), (1000, 0.5), (2000, 0.5), (2500, 0.5))
    assert training.samples == 400 + 2500 + 1000
    assert training.hours == pytest.approx(0.1 + 2.5 + 1.0)
    packed.write_text(packed.read_text() + "{")
    with pytest.raises(ValueError, match="mine.log.jsonl, line 9"):
        read_training(packed)


def test_stages_are_drawn_one_after_the_other_in_one_colour(tmp_path):
    training = read_training(two_stages(tmp_path))
    other = read_training(write_log(tmp_path / "other", first_line(), *REPORTS))
    in_mm, shares = draw_errors([*training.stages, *other.stages]).axes
    small, large, alone = in_mm.lines
    assert small.get_xdata().tolist() == [1400, 2400, 2900]
    assert large.get_xdata().tolist() == [400 + 2500 + 1000]
    assert small.get_color() == large.get_color() != alone.get_color()
    assert [text.get_text() for text in in_mm.get_legend().texts] == ["mine", "other"]
    assert len(shares.lines) == 4  # three runs and the mean face


def test_logs_are_found_below_a_folder_once(tmp_path):
    for name in ("b", "a/deep"):
        write_log(tmp_path / name, first_line())
    expected = [tmp_path / "a/deep/log.jsonl", tmp_path / "b/log.jsonl"]
    assert find_logs([tmp_path, tmp_path / "b"]) == expected
    result = runs(tmp_path)
    assert [row["run"] for row in cells(result.stdout)] == ["deep", "b"]


def test_broken_lines_are_counted_and_named_and_the_rest_counts(tmp_path):
    write_log(tmp_path / "cut", first_line(), *REPORTS[:2], end='{"step": 300, "samp')
    write_log(tmp_path / "whole", first_line(), *REPORTS)
    write_log(tmp_path / "strange", first_line(), 7, "config", report(10), {"samples": 3}, None)
    write_log(tmp_path / "lost")
    (tmp_path / "lost" / "log.jsonl").write_bytes(b"\xff\xfe\n[]\n")
    result = runs(tmp_path)
    assert result.exit_code == 0, result.output
    rows = {row["run"]: row for row in cells(result.stdout)}
    assert rows.keys() == {"cut", "strange", "whole"}
    assert rows["cut"]["samples"] == "1,000" and rows["cut"]["skill"] == "0.800"
    assert "parts of 3 logs" in result.stderr
    assert f"{tmp_path / 'cut' / 'log.jsonl'}, line 4;" in result.stderr
    assert f"{tmp_path / 'strange' / 'log.jsonl'}, lines 2, 3, 5, 6" in result.stderr
    assert f"{tmp_path / 'lost' / 'log.jsonl'}, lines 1, 2" in result.stderr


def test_json_holds_every_validation(tmp_path):
    log = write_log(tmp_path / "mine", first_line(), *REPORTS)
    found = tmp_path / "runs.json"
    assert "| mine |" in runs(tmp_path, "--json", found).stdout
    (run,) = json.loads(found.read_text())
    assert [v["samples"] for v in run["validations"]] == [1000, 2000, 2500]
    assert run["best"]["loss"] == 0.1 and run["skill"] == 0.6
    assert (run["log"], run["revisions"]) == (str(log), [f"{REVISION}-dirty"])


def test_the_plot_has_each_runs_errors_and_its_share_of_the_mean_faces(tmp_path):
    known = write_log(tmp_path / "known", first_line(), *REPORTS)
    unknown = write_log(tmp_path / "unknown", first_line(mean_face_error_px=None), *REPORTS)
    in_mm, shares = draw_errors([r for log in (known, unknown) for r in read_runs(log)[0]]).axes
    assert [line.get_label() for line in in_mm.lines] == ["known", "unknown"]
    assert in_mm.lines[0].get_xydata().tolist() == [[1000, 12], [2000, 9], [2500, 6]]
    assert shares.lines[0].get_ydata().tolist() == pytest.approx([0.8, 0.6, 0.4])
    assert len(shares.lines) == 2  # the known run and the mean face

    plot = tmp_path / "errors.png"
    result = runs(tmp_path, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert Image.open(plot).size[0] > 1000
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no/such"], NO_SUCH_FILE, "no such folder: "),
        (["empty"], NO_SUCH_FILE, "no log.jsonl in or below "),
        (["lost"], BAD_DATA, "log.jsonl, line 1"),
        (["mine", "--plot", "mine/x.gif"], UNKNOWN_ENDING, ".png, .svg, .pdf"),
        (["mine", "--plot", "no/such.png"], UNWRITABLE, "cannot write"),
        (["mine", "--json", "no/such.json"], UNWRITABLE, "cannot write"),
    ],
)
def test_failures_are_one_sentence_with_their_own_code(
    tmp_path, monkeypatch, arguments, code, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write_log(tmp_path / "mine", first_line())
    write_log(tmp_path / "lost")
    result = runs(*arguments)
    assert result.exit_code == code
    message = result.output.strip().splitlines()[-1]
    assert message.startswith("Error: ") and words in message
    assert runs().exit_code == NO_SUCH_FILE  # without a name, the folder runs


def test_the_environment_has_revision_and_date():
    about = environment()
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", about["revision"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", about["date"])


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"hair": True, "film": True}, "all"),
        ({"hair": False, "film": False}, "none"),
        ({}, "none"),
        ({"skin": True, "hair": True, "film": False}, "all but film"),
        ({"skin": True, "hair": True, "film": False, "light": False}, "skin, hair"),
    ],
)
def test_the_ingredients_of_a_runs_pairs_are_told_in_words(tmp_path, switches, words):
    log = write_log(tmp_path, first_line(data={"ingredients": switches}), *REPORTS)
    (run,) = read_training(log).stages
    assert run.ingredients == words


@pytest.mark.parametrize(
    "first",
    [
        first_line(environment="x"),
        first_line(environment={"date": 3}),
        first_line(continued=[{"step": "3", "environment": {}}]),
        first_line(encoder_start={"samples": [], "seconds": 1}),
        first_line(parameters="many"),
        first_line(name="\x1b[2J"),
        first_line(config={"model": 5}),
        first_line(mean_face_error_px=10**30),
    ],
)
def test_a_first_line_with_odd_values_is_reported_and_not_used(tmp_path, first):
    found, fault = read_runs(write_log(tmp_path, first, *REPORTS))
    assert found == [] and fault.lines[0] == 1


def test_a_line_nested_without_end_is_reported(tmp_path):
    log = write_log(tmp_path, first_line(), *REPORTS, end='{"step": ' + "[" * 100_000)
    (run,), fault = read_runs(log)
    assert (run.samples, fault.lines) == (2500, (6,))


def test_of_many_broken_lines_the_first_are_named(tmp_path):
    _, fault = read_runs(write_log(tmp_path, first_line(), end="{\n" * 1000))
    assert str(fault).endswith("log.jsonl, lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 990 more")


def test_a_pipe_in_the_place_of_a_log_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "log.jsonl")
    assert runs(tmp_path).exit_code == NO_SUCH_FILE
