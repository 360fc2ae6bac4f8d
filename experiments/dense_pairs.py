"""Generate pairs with the visibility of layout vertices, for training `dense`.

The folder is one that `facelib pairs synthetic` could have made, byte for byte, with one more array
per shard: `seen`, (n, 2, V) bool, front and side. An unfinished folder is continued.

    python experiments/dense_pairs.py --count 6000 --seed 11 --out pairs

With `--things-share`, hands and other things are before more faces than in photos: hard cases.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import numpy as np

from facelib.face.layout import load_layout
from facelib.files.threads import single_threaded_blas
from facelib.pairs.annotations import covered, seen
from facelib.pairs.labels import WORN
from facelib.pairs.sample import Sample, shard_arrays
from facelib.pairs.shards import write_manifest, write_shard
from facelib.synthetic.dressing import draw_thing
from facelib.synthetic.generation import begun_manifest
from facelib.synthetic.samples import session_pair
from facelib.synthetic.session import Session, hold_session
from facelib.synthetic.settings import Plan, SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio
from facelib.synthetic.things.placing import SHARE

# A vertex this far behind the drawn surface still counts as visible, mm; see `annotations.seen`.
SKIN_MM, FOLD_MM = 2.5, 11.0


def seen_vertices(session: Session) -> np.ndarray:
    """Find the layout vertices that are visible in each photo: (2, V) bool."""
    layout = load_layout()
    in_fold = layout.labels["eyes"] | layout.labels["mouth"]
    within_mm = np.where(in_fold, FOLD_MM, SKIN_MM)
    vertices_head = layout.from_head @ session.dressed.vertices_head
    worn = np.isin(session.dressed.labels, WORN)[session.dressed.mesh_head.triangles[:, 0]]
    rows = []
    for view, photo in zip(session.views, session.photos, strict=True):
        points = view.camera.head_to_image(vertices_head)
        visible = seen(points, view.camera, photo.fragments, worn, within_mm)
        if photo.cover is not None:
            visible &= ~covered(points, view.camera, photo.cover)
        rows.append(visible)
    return np.stack(rows)


def make(index: int, settings: SyntheticSettings, things_share: float) -> tuple[Sample, np.ndarray]:
    """Make sample `index` like `samples.make_sample`, with the visibility of its vertices."""
    from_head, studio = load_layout().from_head, Studio.of(settings.ingredients)
    studio = replace(studio, draw_thing=partial(draw_thing, share=things_share))
    with single_threaded_blas():
        session = hold_session(studio, Streams(settings, index), settings)
        vertices_head = from_head @ session.dressed.vertices_head
        pair = session_pair(index, settings, session, vertices_head)
        views = session.view_truths(vertices_head)
        return Sample(pair, views, session.coefficients()), seen_vertices(session)


@click.command()
@click.option("--count", type=click.IntRange(1), required=True)
@click.option("--out", "folder", type=click.Path(path_type=Path), required=True)
@click.option("--preset", default="mixed", show_default=True)
@click.option("--size", default=256, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--first", default=0, show_default=True)
@click.option("--held-out", is_flag=True)
@click.option("--things-share", default=SHARE, show_default=True)
def main(folder: Path, count: int, first: int, things_share: float, **settings) -> None:
    """Generate the pairs, shard by shard."""
    plan = Plan(count, SyntheticSettings(**settings), first)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = begun_manifest(folder, plan, len(load_layout().uv))
    there = {shard["number"] for shard in manifest["shards"]}
    for number in sorted(set(range(plan.n_shards)) - there):
        indices = plan.indices(number)
        samples, visible = zip(
            *(make(i, plan.settings, things_share) for i in indices), strict=True
        )
        arrays = shard_arrays(samples, len(indices)) | {"seen": np.stack(visible)}
        manifest["shards"].append(write_shard(folder, number, arrays))
        write_manifest(folder, manifest)
    manifest["complete"] = True
    write_manifest(folder, manifest)


if __name__ == "__main__":
    main()
