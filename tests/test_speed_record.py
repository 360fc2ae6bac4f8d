"""The record of speeds: what is written is read, and the tables show it."""

import pytest

from facelib.evaluation.speed import (
    Growth,
    SpeedRecord,
    Stage,
    Timed,
    growth_table,
    read_speed,
    speed_caption,
    speed_table,
    write_speed,
)

RECORD = SpeedRecord(
    {
        "command": "python benchmarks/all.py",
        "date": "2026-01-02",
        "machine": {"processor": "Abacus", "cores": 2, "system": "Linux x86_64"},
        "yardstick_ms": {"product": 40.0, "loop": 60.0},
    },
    (
        Stage("map", "ms", Timed("ours", 0.4, 0.5, 0.75), Timed("a loop", 5.0, 6.0, 9.0)),
        Stage("training", "pairs/s", Timed("ours", 9, 12, 13), Timed("two_view", 3, 4, 5)),
        Stage("the whole", "ms", Timed("ours", 1900, 2000, 2345.6)),
    ),
    (Growth("map", "side, px", (64, 1024), (0.1, 12.34)),),
)


def test_a_record_is_read_as_it_was_written(tmp_path):
    write_speed(tmp_path / "speed.json", RECORD)
    assert read_speed(tmp_path / "speed.json") == RECORD


def test_shorter_times_and_higher_speeds_are_both_gains():
    assert [stage.gain for stage in RECORD.stages] == [12.0, 3.0, None]


def test_the_tables_have_a_row_per_stage():
    table = speed_table(RECORD).splitlines()
    assert table[2] == "| map | 0.5 (0.4 to 0.75) ms | a loop: 6 (5 to 9) ms | 12 |"
    assert table[4] == "| the whole | 2000 (1900 to 2346) ms | – | – |"
    assert "| map | side, px | 64: 0.1, 1,024: 12.3 |" in growth_table(RECORD)
    assert "Abacus" in speed_caption(RECORD) and "100 ms" in speed_caption(RECORD)


def test_another_file_is_refused(tmp_path):
    for text in ("{}", '{"format": 2}', '{"format": 1, "stages": 3, "growth": []}'):
        (tmp_path / "speed.json").write_text(text)
        with pytest.raises(ValueError, match="expected a record of speeds in"):
            read_speed(tmp_path / "speed.json")
