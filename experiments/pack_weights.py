"""Pack finished training runs into the shipped files: weights, their log and their card.

    python experiments/pack_weights.py runs/two_view_64 runs/two_view_128
    facelib evaluate pairs ... --json data/weights/two_view.evaluation.json
    python experiments/pack_weights.py runs/two_view_64 runs/two_view_128   # with numbers

The runs are the stages of one training, in order, each started from the one before. All numbers in
the card are read from the runs' logs and from the evaluation; none is typed.
"""

import argparse
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from facelib.evaluation.record import read_record
from facelib.evaluation.tables import score_table
from facelib.files.atomic import replacing
from facelib.files.paths import data_dir
from facelib.networks.onnx_export import export_model, write_model
from facelib.networks.weights import load_weights, read_card, save_weights
from facelib.training.log import pack_logs, without_folders
from facelib.training.run_table import UNKNOWN
from facelib.training.runs import Run, Training, read_training

WEIGHTS = data_dir() / "weights"
EXPORTED = "compact"  # the default network ships as ONNX, too
OLD_COMMAND = "python -m facelib evaluate"  # as quoted in older records
ABOUT = {
    "prn": "PRNet's network for one photo, the single-view baseline",
    "one_view": "The thesis's network for the front photo alone",
    "two_view": "The thesis's network for a front and a side photo",
    "compact": "Our small network for a front photo and an optional side photo",
}


def stage_row(stage: Run) -> str:
    """Describe one stage as a row of a table."""
    config, best = stage.config, stage.best
    return (
        f"| {stage.size} px | {stage.ingredients} | {stage.poses or UNKNOWN} "
        f"| {stage.samples:,} | {stage.steps:,} "
        f"| {60 * stage.hours:.0f} min "
        f"| {config['optimiser']['learning_rate']:g}, {config['schedule']['schedule']} "
        f"| {best.error_px:.2f} px ({best.error_mm:.2f} mm) "
        f"| {stage.mean_face_error_px:.2f} px |"
    )


def card_text(name: str, training: Training, evaluation: Path, date: str) -> str:
    """Write the card of the packed weights."""
    first, last = training.stages[0], training.stages[-1]
    text = f"""# {name}

{ABOUT[name]}, trained only on this project's own
synthetic people. Head shapes are derived from CC0 data, and facelib draws textures, lights and
backgrounds, so anyone may use the weights for anything (CC0).

Packed {date}. Seed {last.seed}; {last.n_train:,} training pairs in the last stage;
trained on {last.environment["threads"]} processor thread(s). Log: `{name}.log.jsonl`.

| size | ingredients | poses | samples | steps | time | rate | held-out error | the mean face's |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
    text += "".join(stage_row(stage) + "\n" for stage in training.stages)
    if first.encoder_samples:
        text += "\nBefore the first stage, the encoder was trained alone: "
        text += f"{first.encoder_samples:,} samples, {60 * first.encoder_hours:.0f} min, "
        text += "by facelib.training.encoder_start.\n"
    pairs_of_stages = combinations(training.stages, 2)
    if any(a.data == b.data and a.split_seed != b.split_seed for a, b in pairs_of_stages):
        text += (
            "\nStages on the same pairs held out different people. Errors of later stages are too\n"
        )
        text += "low: an earlier stage was trained on most of these people. Those below are not.\n"
    text += (
        "\nErrors are mean point distances over the layout's vertices, on people held out of the\n"
    )
    text += "training set, in the front crop at that size.\n"
    if evaluation.exists():
        record = read_record(evaluation)
        table = score_table({record.method: record.evaluation})
        command = record.about["command"].replace(OLD_COMMAND, "facelib evaluate pairs")
        text += f"\n## On held-out stand-in heads\n\n{table}\n\n`{command}`\n"
    return text


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders, first stage first")
    parser.add_argument("--name", choices=ABOUT, default="two_view")
    arguments = parser.parse_args()
    date = datetime.now(UTC).date().isoformat()
    best = arguments.runs[-1] / "best.safetensors"
    packed = WEIGHTS / f"{arguments.name}.safetensors"
    # Writing the same weights again changes their hash, by which the evaluation names them.
    if not packed.exists() or packed.stat().st_mtime < best.stat().st_mtime:
        card = read_card(best)
        card["config"] = without_folders(card["config"])
        save_weights(packed, load_weights(best), card, half=True)
        if arguments.name == EXPORTED:
            write_model(packed.with_suffix(".onnx"), export_model(packed))
    log = WEIGHTS / f"{arguments.name}.log.jsonl"
    pack_logs(arguments.runs, log)
    evaluation = WEIGHTS / f"{arguments.name}.evaluation.json"
    text = card_text(arguments.name, read_training(log), evaluation, date)
    with replacing(WEIGHTS / f"{arguments.name}.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{packed}: packed from {best}")


if __name__ == "__main__":
    main()
