from dataclasses import replace

import numpy as np
import pytest
from scipy import io
from standins import COLUMNS, ROWS, basel_face, basel_folder

from facelib.datasets.basel.files import write_basel
from facelib.datasets.basel.layout import layout_matrix, load_basel_face
from facelib.datasets.basel.model import load_basel
from facelib.datasets.basel.standin import ORIGIN_MM, standin_model, write_bfm_standin
from facelib.datasets.registry import STAND_IN_MARKER
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.mesh import triangle_normals


@pytest.fixture(scope="module")
def standin():
    return standin_model(COLUMNS, ROWS)


@pytest.fixture(scope="module")
def model():
    return load_basel(basel_folder())


def struct(folder):
    record = io.loadmat(folder / "BFM.mat")["model"][0, 0]
    return {name: record[name] for name in record.dtype.names}


def test_stand_in_has_the_fields_of_bfm():
    n = COLUMNS * ROWS
    shapes = {name: array.shape for name, array in struct(basel_folder()).items()}
    assert shapes.pop("tri")[0] == shapes.pop("tri_mouth")[0] == 3
    assert shapes == {
        "shapeMU": (3 * n, 1), "shapePC": (3 * n, 199), "shapeEV": (199, 1),
        "expMU": (3 * n, 1), "expPC": (3 * n, 29), "expEV": (29, 1),
        "texMU": (3 * n, 1), "texPC": (3 * n, 199), "texEV": (199, 1), "kpt_ind": (1, 68),
    }  # fmt: skip
    assert struct(basel_folder())["tri"].min() == 1
    assert io.loadmat(basel_folder() / "BFM_UV.mat")["UV"].shape == (n, 2)


def test_parameters_mean_what_they_mean_in_the_struct(model):
    """face3d's own formula, in µm on interleaved columns."""
    fields = struct(basel_folder())
    rng = np.random.default_rng(1)
    alpha = rng.normal(size=(199, 1)) * fields["shapeEV"]
    beta = rng.normal(size=(29, 1)) * fields["expEV"]
    flat = fields["shapeMU"] + fields["expMU"] + fields["shapePC"] @ alpha + fields["expPC"] @ beta
    expected_mm = flat.reshape(-1, 3) / 1000
    np.testing.assert_allclose(model.vertices(alpha, beta), expected_mm, atol=1e-3)


def test_stand_in_is_the_shipped_head_on_another_mesh(model, standin):
    rng = np.random.default_rng(2)
    shape, expression = rng.normal(size=199), rng.normal(size=29)
    full_head = standin.head_vertices(shape, expression)
    got = model.head.vertices(shape, expression)
    np.testing.assert_allclose(got, standin.to_grid @ full_head + ORIGIN_MM, atol=1e-3)
    marks = load_head().keypoints(full_head) + ORIGIN_MM
    assert np.linalg.norm(model.head.keypoints(got) - marks, axis=1).max() < 0.5


def test_stand_in_is_symmetric_and_its_basis_orthonormal(standin):
    arrays = standin.arrays
    np.testing.assert_allclose(arrays.shape_basis.T @ arrays.shape_basis, np.eye(199), atol=1e-5)
    points = arrays.shape_mean.reshape(-1, 3) - 1000 * ORIGIN_MM
    mirrored = points[standin.mirrored] * [-1, 1, 1]
    assert np.abs(mirrored - points).max() < 1000  # µm; the mean head is symmetric


def test_triangles_look_outward_whichever_way_the_file_has_them(model, tmp_path):
    arrays = standin_model(COLUMNS, ROWS).arrays
    turned = replace(arrays, triangles=arrays.triangles[:, ::-1])
    write_basel(tmp_path, turned, standin_model(COLUMNS, ROWS).uv)
    for each in (model, load_basel(tmp_path)):
        normals = triangle_normals(each.head.mean_head, each.head.triangles)
        assert (normals[:, 2] > 0).mean() > 0.7
        assert not np.isnan(each.head.uv).any()


def test_only_a_marked_folder_is_a_stand_in(model, tmp_path):
    write_basel(tmp_path, standin_model(COLUMNS, ROWS).arrays, standin_model(COLUMNS, ROWS).uv)
    assert model.stand_in
    assert not load_basel(tmp_path).stand_in
    assert "STAND-IN" in (basel_folder() / STAND_IN_MARKER).read_text()
    with pytest.raises(ValueError, match="new or an empty folder"):
        write_bfm_standin(tmp_path, COLUMNS, ROWS)


def test_raw_files_make_the_same_model(model, tmp_path):
    """Scatter the stand-in over a longer raw model, as BFM's 53,490 vertices hold 53,215."""
    fields = struct(basel_folder())
    n, extra = COLUMNS * ROWS, 40
    kept = np.sort(np.random.default_rng(0).permutation(n + extra)[:n])

    def scattered(columns):
        raw = np.full((n + extra, 3, columns.shape[1]), 7, np.float32)
        raw[kept] = columns.reshape(n, 3, -1)
        return raw.reshape(3 * (n + extra), -1)

    for inner in ("raw", "3ddfa", "stn"):
        (tmp_path / inner).mkdir()
    raw = {name: scattered(fields[name]) for name in ("shapeMU", "shapePC", "texMU", "texPC")}
    raw |= {name: fields[name] for name in ("shapeEV", "texEV")}
    io.savemat(tmp_path / "raw" / "01_MorphableModel.mat", raw)
    info = {"trimIndex": kept[:, None] + 1.0, "tri": fields["tri"], "keypoints": fields["kpt_ind"]}
    io.savemat(tmp_path / "3ddfa" / "model_info.mat", info)
    moved = {"mu_exp": fields["expMU"], "w_exp": fields["expPC"], "sigma_exp": fields["expEV"]}
    io.savemat(tmp_path / "3ddfa" / "Model_Expression.mat", moved)
    io.savemat(tmp_path / "3ddfa" / "Model_tri_mouth.mat", {"tri_mouth": fields["tri_mouth"]})
    uv = np.full((n + extra, 2), 0.5)
    uv[kept] = io.loadmat(basel_folder() / "BFM_UV.mat")["UV"]
    io.savemat(tmp_path / "stn" / "BFM_UV.mat", {"UV": uv})
    built = load_basel(tmp_path)
    for name in ("mean_head", "shape_basis", "expression_basis", "triangles", "uv", "mirror"):
        np.testing.assert_array_equal(getattr(built.head, name), getattr(model.head, name))
    np.testing.assert_array_equal(built.mouth_triangles, model.mouth_triangles)
    np.testing.assert_array_equal(built.texture_basis, model.texture_basis)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("kpt_ind", lambda a: a - a.min(), "keypoints .* count from 1"),
        ("tri", lambda a: a + 10**6, "triangles .* count from 1"),
        ("shapePC", lambda a: a[3:], "shape basis"),
        ("expEV", lambda a: a * 0, "positive expression deviations"),
        ("texMU", lambda a: a * np.nan, "finite"),
        ("tri_mouth", None, r"expected model\.tri_mouth"),
    ],
)
def test_a_broken_model_is_refused_in_one_sentence(tmp_path, name, change, words):
    fields = struct(basel_folder())
    fields[name] = change(fields[name]) if change else None
    if change is None:
        del fields[name]
    io.savemat(tmp_path / "BFM.mat", {"model": fields})
    with pytest.raises(ValueError, match=words):
        load_basel(tmp_path)


def test_a_missing_model_names_the_way_to_a_stand_in(tmp_path):
    with pytest.raises(FileNotFoundError, match="facelib standin bfm"):
        load_basel(tmp_path)


def test_faces_land_in_our_layout(standin):
    layout, face = load_layout(), basel_face()
    rng = np.random.default_rng(3)
    shape, expression = rng.normal(size=199), rng.normal(size=29)
    arrays = standin.arrays
    got, keypoints = face.vertices(
        shape * arrays.shape_deviations, expression * arrays.expression_deviations
    )
    truth = layout.from_head @ standin.head_vertices(shape, expression) + ORIGIN_MM
    skin = layout.labels["face"] & ~layout.labels["membrane"]
    assert np.linalg.norm(got - truth, axis=1)[skin].mean() < 2.0  # mm, on a grid of 4 mm
    assert np.linalg.norm(layout.keypoints(got) - keypoints, axis=1).mean() < 2.5


def test_registration_is_kept_and_read_back(model, monkeypatch):
    first = basel_face()
    monkeypatch.setattr("facelib.datasets.basel.layout.register", None)
    np.testing.assert_array_equal(load_basel_face(basel_folder()).mean, first.mean)
    kept = list(basel_folder().glob("layout-*.npz"))
    assert len(kept) == 1


def test_a_damaged_registration_is_made_anew(model, monkeypatch, tmp_path):
    layout = load_layout()
    name = next(basel_folder().glob("layout-*.npz")).name
    (tmp_path / name).write_bytes(b"no matrix")
    made = layout_matrix(model, basel_folder(), layout)
    monkeypatch.setattr("facelib.datasets.basel.layout.register", lambda *_: made)
    with pytest.warns(UserWarning, match="registering anew"):
        layout_matrix(model, tmp_path, layout)
    assert (tmp_path / name).stat().st_size > 100
