"""Foreign scans: quads and gaps are tolerated; tricks and damage give a one-sentence error."""

import numpy as np
import pytest
from damage import DAMAGE, damaged, jpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from facelib.datasets.florence import scan_file
from facelib.geometry.meshfiles import read_mesh

SQUARE = """mtllib box.mtl
usemtl skin
v 0 0 0
v 10 0 0
v 10 10 0
v 0 10 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
"""
QUAD = "f 1/1 2/2 3/3 4/4\n"
TRIANGLES = "f 1/1 2/2 3/3\nf 1/1 3/3 4/4\n"


def write(folder, faces=TRIANGLES, material="newmtl skin\nmap_Kd skin.png\n", texture=True):
    (folder / "box.obj").write_text(SQUARE + faces)
    if material is not None:
        (folder / "box.mtl").write_text(material)
    if texture:
        pixels = np.zeros((4, 4, 3), np.uint8)
        pixels[:2, :2] = 255, 0, 0  # the picture's top left: v = 1 in OBJ, 0 here
        Image.fromarray(pixels).save(folder / "skin.png")
    return folder / "box.obj"


def test_textured_scan_is_read_with_v_down(tmp_path):
    scan = scan_file.read_scan(write(tmp_path))
    assert scan.notes == ()
    assert scan.mesh_scan.triangles.shape == (2, 3)
    np.testing.assert_allclose(scan.mesh_scan.texture[0, 0], [1, 0, 0])
    top_left = np.argmin(np.linalg.norm(scan.mesh_scan.vertices - [0, 10, 0], axis=1))
    np.testing.assert_allclose(scan.mesh_scan.uv[top_left], [0, 0])


@pytest.mark.parametrize("faces", [QUAD, QUAD + "f 1/1 2/2 3/3\n", "f 1 2 3 4\n"])
def test_quads_cover_what_their_triangles_would(tmp_path, faces):
    mesh = scan_file.read_scan(write(tmp_path, faces)).mesh_scan
    a, b, c = np.moveaxis(mesh.vertices[mesh.triangles[:2]], 1, 0)
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(100)


def test_seam_in_the_texture_splits_vertices(tmp_path):
    """Vertex 1 has coordinate 1 in one triangle and 3 in the other: neither may win."""
    mesh = scan_file.read_scan(write(tmp_path, "f 1/1 2/2 3/3\nf 1/3 3/1 4/4\n")).mesh_scan
    first = (mesh.vertices == 0).all(axis=1)
    np.testing.assert_allclose(sorted(mesh.uv[first].tolist()), [[0, 1], [1, 0]])


def test_missing_material_or_texture_is_noted_and_drawn_grey(tmp_path):
    no_material = scan_file.read_scan(write(tmp_path, material=None, texture=False))
    assert no_material.mesh_scan.texture is None
    assert no_material.notes == ("'box.mtl' is missing", "no texture: drawn in plain grey")
    no_texture = scan_file.read_scan(write(tmp_path, texture=False))
    assert no_texture.notes[0] == "'skin.png' is missing"


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/hostname", "a/../../secret.png", "~/x.png"]
)
def test_nothing_outside_the_folder_is_read(tmp_path, name):
    Image.new("RGB", (2, 2), (9, 9, 9)).save(tmp_path / "secret.png")
    inner = tmp_path / "scan"
    inner.mkdir()
    path = write(inner, material=f"newmtl skin\nmap_Kd {name}\n")
    assert scan_file.read_scan(path).mesh_scan.texture is None
    path.write_text(SQUARE.replace("box.mtl", "../box.mtl") + TRIANGLES)
    (tmp_path / "box.mtl").write_text("newmtl skin\nmap_Kd secret.png\n")
    scan = scan_file.read_scan(path)
    assert scan.mesh_scan.texture is None
    assert "outside" in scan.notes[0]


def test_link_that_leads_outside_is_not_followed(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "secret.png")
    inner = tmp_path / "scan"
    inner.mkdir()
    path = write(inner, texture=False)
    (inner / "skin.png").symlink_to(tmp_path / "secret.png")
    assert scan_file.read_scan(path).mesh_scan.texture is None


def test_truncated_texture_is_one_sentence(tmp_path):
    path = write(tmp_path)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "skin.png")
    whole = (tmp_path / "skin.png").read_bytes()
    (tmp_path / "skin.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="skin.png is damaged"):
        scan_file.read_scan(path)


def test_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    path = write(tmp_path, texture=False)
    Image.new("1", (12_000, 12_000)).save(tmp_path / "skin.png")
    assert (tmp_path / "skin.png").stat().st_size < 100_000
    with pytest.raises(ValueError, match="12000 x 12000"):
        scan_file.read_scan(path)


def test_format_that_runs_a_program_is_refused(tmp_path):
    path = write(tmp_path, texture=False)
    (tmp_path / "skin.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    with pytest.raises(ValueError, match="cannot read .*skin.png as an image"):
        scan_file.read_scan(path)


def test_impossible_corners_are_left_out_and_counted(tmp_path):
    path = tmp_path / "box.obj"
    path.write_text(
        "v 0 0 0\nv 1 0 0\nv 1 1 0\nv nan 0 0\nv 1e300 0 0\nf 1 2 3\nf 1 2 4\nf 1 2 5\n"
    )
    with np.errstate(over="ignore"):
        scan = scan_file.read_scan(path)
    assert len(scan.mesh_scan.triangles) == 1 and np.isfinite(scan.mesh_scan.vertices).all()
    assert scan.notes[0].startswith("2 triangles")


@pytest.mark.parametrize(
    "text", ["", "v 0 0 0\n", "v 0 0 0\nv 1 0 0\nv 1 1 0\nf 1 2 99\n", "f 1 2 3\n", "\x00" * 40]
)
def test_broken_obj_names_the_file(tmp_path, text):
    (tmp_path / "box.obj").write_text(text)
    with pytest.raises(ValueError, match="box.obj"):
        scan_file.read_scan(tmp_path / "box.obj")


def test_enormous_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(scan_file, "MAX_OBJ_BYTES", 50)
    with pytest.raises(ValueError, match=r"at most.*box\.obj"):
        scan_file.read_scan(write(tmp_path))


OBJ_LINE = st.one_of(
    st.sampled_from(
        ["v 0 0 0", "v 1 0 0", "v 0 1 0", "v nan inf 0", "v 1", "vt 0 0", "vt 1", "vn 0 0 1",
         "f 1 2 3", "f 1/1 2/1 3/1", "f 1//1 2//1 3//1", "f -1 -2 -3", "f 0 0 0", "f 1 2", "f",
         "f 1 2 3 1 2 3", "f 99999999999 1 2", "usemtl a", "mtllib box.mtl",
         "mtllib ../../etc/passwd", "mtllib", "o x", "g y", "s off", "# note", "\\"]
    ),
    st.text(max_size=12),
)  # fmt: skip
MTL_LINE = st.one_of(
    st.sampled_from(
        ["newmtl a", "newmtl", "Kd 1 1 1", "Kd x", "map_Kd skin.png", "map_Kd ../../../etc/passwd",
         "map_Kd", "map_Kd -s 1 1 1 skin.png", "Ns 1", "illum 2"]
    ),
    st.text(max_size=12),
)  # fmt: skip


@settings(max_examples=150, deadline=2000, suppress_health_check=list(HealthCheck))
@given(obj=st.lists(OBJ_LINE, max_size=14), mtl=st.lists(MTL_LINE, max_size=5), sound=st.booleans())
def test_whatever_is_written_is_read_or_refused_in_a_sentence(tmp_path_factory, obj, mtl, sound):
    folder = tmp_path_factory.mktemp("scan")
    start = SQUARE + TRIANGLES if sound else ""
    (folder / "box.obj").write_text(start + "\n".join(obj), "utf-8", errors="replace")
    (folder / "box.mtl").write_text("\n".join(mtl), "utf-8", errors="replace")
    Image.new("RGB", (3, 3)).save(folder / "skin.png")
    before = sorted(path.name for path in folder.iterdir())
    try:
        with np.errstate(all="ignore"):
            mesh = scan_file.read_scan(folder / "box.obj").mesh_scan
    except ValueError as error:
        assert "box.obj" in str(error) or "skin.png" in str(error)
    else:
        assert np.isfinite(mesh.vertices).all() and len(mesh.triangles)
    assert sorted(path.name for path in folder.iterdir()) == before


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(damage=DAMAGE)
def test_a_spoilt_texture_is_drawn_or_refused_in_a_sentence(tmp_path_factory, damage):
    folder = tmp_path_factory.mktemp("scan")
    path = write(folder, material="newmtl skin\nmap_Kd skin.jpg\n", texture=False)
    (folder / "skin.jpg").write_bytes(damaged(jpeg(), damage))
    try:
        texture = scan_file.read_scan(path).mesh_scan.texture
    except ValueError as error:
        assert "skin.jpg" in str(error)
    else:
        assert texture.shape[2] == 3 and np.isfinite(texture).all()
    assert sorted(each.name for each in folder.iterdir()) == ["box.mtl", "box.obj", "skin.jpg"]


def test_read_mesh_says_which_file_has_the_damaged_texture(tmp_path):
    path = write(tmp_path)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "skin.png")
    (tmp_path / "skin.png").write_bytes((tmp_path / "skin.png").read_bytes()[:2000])
    with pytest.raises(ValueError, match="skin.png is damaged"):
        read_mesh(path)
