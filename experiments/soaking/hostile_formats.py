"""Faults of the structure of meshes, MATLAB files, networks, XML, YAML and CSV."""

from __future__ import annotations

import io
import json
import pickle
import re
import struct
import zipfile
import zlib

import numpy as np
from scipy import io as scipy_io

from soaking.hostile_bytes import LONG, Spoiler
from soaking.hostile_forms import (
    DEEP,
    PATHS,
    any_of,
    bomb,
    changed_value,
    extreme_number,
    json_value,
    nested,
)

ODD_INDICES = (
    0,
    -1,
    -4_000_000_000,
    4_000_000_000,
    2**63,
    10**30,
    999,
    "1.5",
    "nan",
    "",
    "a",
    "//",
)


# ------------------------------------------------------------------------------------------- meshes
def obj_face(content: bytes, rng: np.random.Generator) -> bytes:
    """Add faces with impossible corners, or with very many."""
    corner = "/".join(str(any_of(ODD_INDICES, rng)) for _ in range(int(rng.integers(1, 4))))
    faces = (f"f 1 2 {corner}", f"f {corner} {corner} {corner}", "f", "f 1", "f 1 2", "f 1 1 1")
    crowd = "f " + " ".join(["1", "2", "3"] * 3000)
    lines = content.splitlines()
    lines.insert(int(rng.integers(len(lines))), any_of((*faces, crowd), rng).encode())
    return b"\n".join(lines) + b"\n"


def obj_line(content: bytes, rng: np.random.Generator) -> bytes:
    """Add odd statements: short and long vertices, materials of other names, groups."""
    path = any_of(PATHS, rng)
    odd = (
        "v", "v 1", "v 1 2", "v 1 2 3 4 5 6 7 8", "v nan nan nan", "v inf 0 0", "v 1e400 0 0",
        "v a b c", "vt", "vt 1", "vt nan nan", "vn 0 0", f"mtllib {path}", f"usemtl {path}",
        f"o {path}", "g " + "x" * LONG, "l 1 2", "p 1", "curv 0 1 1 2", "call x.obj", "\\",
        "v 1 \\", "f 1/1/1 2//2 3",
    )  # fmt: skip
    lines = content.splitlines()
    for _ in range(rng.integers(1, 4)):
        lines.insert(int(rng.integers(len(lines) + 1)), any_of(odd, rng).encode())
    return b"\n".join(lines) + b"\n"


def mtl_path(content: bytes, rng: np.random.Generator) -> bytes:
    """Name pictures elsewhere, odd options and numbers, and many materials."""
    path = any_of(PATHS, rng)
    odd = (
        f"map_Kd {path}", f"map_Kd -s 1 1 1 -o nan {path}", f"map_Bump {path}", f"map_Kd {path} x",
        "map_Kd", "newmtl", f"newmtl {path}", "Kd nan nan nan", "Kd 1", "Kd a b c", "Ns inf",
        "d -1", "newmtl a\n" * 5000, "Tr x", "illum 999999999999", f"map_d {path}",
        f"map_Ka {path}",
    )  # fmt: skip
    if rng.random() < 0.6:
        return re.sub(rb"map_Kd [^\n]*", lambda _: f"map_Kd {path}".encode(), content)
    lines = content.splitlines()
    lines.insert(int(rng.integers(len(lines) + 1)), any_of(odd, rng).encode())
    return b"\n".join(lines) + b"\n"


def ply_header(content: bytes, rng: np.random.Generator) -> bytes:
    """Announce other counts, types, properties or formats."""
    head, mark, body = content.partition(b"end_header\n")
    lines = head.decode("latin-1").splitlines()
    count = str(any_of((0, -1, 3, 10**6, 4_000_000_000, 10**30, "nan", "1e9", ""), rng))
    place = int(rng.integers(len(lines)))
    words = lines[place].split()
    what = rng.integers(5)
    if what < 2 and words[0] == "element":
        words[-1] = count
    elif what == 2 and words[0] == "property":
        words[1] = str(any_of(("double", "uchar", "list", "uint64", "x"), rng))
    elif what == 3:
        words = any_of(
            ([f"element x {count}"], ["property list uint double a"], ["comment TextureFile ../b"],
             ["format ascii 1.0"], ["format binary_big_endian 1.0"], []), rng,
        )  # fmt: skip
    else:
        words = any_of(([], words * 2, [*words, "x"], words[:1]), rng)
    lines[place] = " ".join(words)
    return "\n".join(lines).encode("latin-1") + b"\n" + mark + body


def glb_scene(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a value of a GLB's description, with right lengths."""
    scene, binary = _glb_parts(content)
    kind = rng.integers(4)
    if kind == 0:
        spoilt = nested(scene, rng)
    elif kind == 1:
        value = json.loads(scene)
        accessor = any_of(value["accessors"], rng)
        accessor["count"] = any_of((0, -1, 10**6, 300_000_000, 4_000_000_000, 10**18), rng)
        if rng.random() < 0.5:
            accessor.pop("bufferView", None)
        spoilt = json.dumps(value).encode()
    elif kind == 2:
        value = json.loads(scene)
        places = [*value["buffers"], *value.get("images", [])]
        any_of(places, rng)["uri"] = any_of((*PATHS, "data:;base64,AAAA", "data:x;base64,!"), rng)
        value["nodes"][0]["children"] = any_of(([0], [1], [0] * 1000), rng)
        spoilt = json.dumps(value).encode()
    else:
        spoilt = json_value(scene, rng)
    return _glb(spoilt, binary)


def glb_chunk(content: bytes, rng: np.random.Generator) -> bytes:
    """Announce other lengths and kinds of a GLB's chunks."""
    place = int(any_of((4, 8, 12, 16, 20 + struct.unpack("<I", content[12:16])[0]), rng))
    number = any_of((0, 1, 3, 2**31, 2**32 - 1, len(content)), rng)
    return content[:place] + struct.pack("<I", number) + content[place + 4 :]


def glb_values(content: bytes, rng: np.random.Generator) -> bytes:
    """Change numbers of a GLB's buffer: NaN, infinity, huge indices."""
    scene, binary = _glb_parts(content)
    values = np.frombuffer(binary[: len(binary) // 4 * 4], "<u4").copy()
    odd = (0x7FC00000, 0x7F800000, 0xFF800000, 0xFFFFFFFF, 0x7F7FFFFF, 0)
    values[rng.integers(len(values), size=int(rng.integers(1, 50)))] = any_of(odd, rng)
    return _glb(scene, values.tobytes())


def _glb_parts(content: bytes) -> tuple[bytes, bytes]:
    length = struct.unpack("<I", content[12:16])[0]
    return content[20 : 20 + length], content[28 + length :]


def _glb(scene: bytes, binary: bytes) -> bytes:
    scene += b" " * (-len(scene) % 4)
    chunks = struct.pack("<I4s", len(scene), b"JSON") + scene
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


# ------------------------------------------------------------------------------------- MATLAB files
def mat_array(content: bytes, rng: np.random.Generator) -> bytes:
    """Store an array in another shape, type or class, with odd values, or not at all."""
    arrays = scipy_io.loadmat(io.BytesIO(content), simplify_cells=False)
    arrays = {name: value for name, value in arrays.items() if not name.startswith("__")}
    fields, packed = arrays, None
    if (name := any_of(list(arrays), rng)) and arrays[name].dtype.names:
        packed, record = name, arrays[name][0, 0]
        fields = {each: record[each] for each in record.dtype.names}
        name = any_of(list(fields), rng)
    array = fields[name]
    odd = np.array(array, float)
    odd.reshape(-1)[rng.integers(odd.size)] = any_of((np.nan, np.inf, -np.inf, 1e300, -5, 0), rng)
    others = (
        odd, odd, array.T, array[:0], array[:1], np.array(["text"]), np.array([[1 + 2j]]),
        np.array([["a", 1]], dtype=object), {"a": array}, np.zeros((1, 2, 3)), array * 1e9,
        -np.array(array, float), array.ravel()[:1], np.array(array, dtype=bool),
    )  # fmt: skip
    if rng.random() < 0.1:
        del fields[name]
    else:
        fields[name] = any_of(others, rng)
    stream = io.BytesIO()
    form, packing = any_of(("5", "5", "5", "4"), rng), bool(rng.random() < 0.3)
    try:
        content = fields if packed is None else {packed: fields}
        scipy_io.savemat(stream, content, format=form, do_compression=packing)
    except (ValueError, TypeError):  # version 4 cannot hold it
        return mat_element(stream.getvalue() or b"\0" * 200, rng)
    return stream.getvalue()


def mat_element(content: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite a number of an element's head: type, size, class, shape."""
    place = 128 + 4 * int(rng.integers(30))
    number = any_of((0, 1, 5, 9, 14, 15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, len(content)), rng)
    return content[:place] + struct.pack("<I", number) + content[place + 4 :]


def mat_bomb(content: bytes, rng: np.random.Generator) -> bytes:
    """Pack an array of gigabytes under a name that is asked for."""
    names = re.findall(rb"[A-Za-z]\w{2,}", content[128:])
    name = any_of(names or [b"UV"], rng)[:31]
    count = 3 * 10**8
    shape = any_of(((count, 1), (1, 7), (3, 10**8)), rng)
    body = struct.pack("<IIII", 6, 8, 6, 0) + struct.pack("<IIii", 5, 8, *shape)
    body += struct.pack("<II", 1, len(name)) + name + bytes(-len(name) % 8)
    body += struct.pack("<II", 9, (count * 8) % 2**32)
    head = struct.pack("<II", 14, (len(body) + count * 8) % 2**32) + body
    packer = zlib.compressobj(9)
    packed = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH) + bomb()[2:]
    return content[:128] + struct.pack("<II", 15, len(packed)) + packed


# ----------------------------------------------------------------------------------------- networks
def safetensors_header(content: bytes, rng: np.random.Generator) -> bytes:
    """Change the description of the tensors or the metadata, or the length of both."""
    length = struct.unpack("<Q", content[:8])[0]
    header, body = content[8 : 8 + length], content[8 + length :]
    kind = rng.integers(4)
    if kind == 0:
        return struct.pack("<Q", any_of((0, 1, 2**31, 2**40, 2**63, length + 8), rng)) + content[8:]
    value = json.loads(header)
    if kind == 1:
        about = value["__metadata__"]
        about[any_of(list(about), rng)] = any_of(
            ("", "0", "-32", "32.5", "nan", "9" * 30, "4294967296", "64", "x", "null", "[]",
             "[" * DEEP, "\0", '{"size": "x"}', "compact", "dense", "prn"), rng,
        )  # fmt: skip
    elif kind == 2:
        names = [name for name in value if name != "__metadata__"]
        first, second = any_of(names, rng), any_of(names, rng)
        value[first], value[second] = value[second], value[first]
    else:
        value = changed_value(value, rng)
    packed = json.dumps(value).encode()
    return struct.pack("<Q", len(packed)) + packed + body


def safetensors_values(content: bytes, rng: np.random.Generator) -> bytes:
    """Set some weights to NaN or infinity."""
    length = struct.unpack("<Q", content[:8])[0]
    start = 8 + length
    values = np.frombuffer(content[start : start + (len(content) - start) // 4 * 4], "<u4").copy()
    values[rng.integers(len(values), size=20)] = any_of((0x7FC07FC0, 0x7F807C00, 0xFFFFFFFF), rng)
    return content[:start] + values.tobytes()


def onnx_graph(content: bytes, rng: np.random.Generator) -> bytes:
    """Change metadata, names, shapes or operators, or let tensors lie in other files."""
    import onnx

    model = onnx.load_from_string(content)
    graph, kind = model.graph, rng.integers(7)
    if kind <= 1:
        about = any_of(model.metadata_props, rng)
        about.value = any_of(
            ("", "x", "-1", "9" * 30, "nan", "[" * DEEP, "{}", "dense", "prn"), rng
        )
    elif kind == 2:
        model.metadata_props.remove(any_of(model.metadata_props, rng))
    elif kind == 3 and graph.initializer:
        tensor = any_of(graph.initializer, rng)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.ClearField("raw_data")
        for key, value in (("location", any_of(PATHS, rng)), ("offset", "0"), ("length", "64")):
            tensor.external_data.add(key=key, value=value)
    elif kind == 4:
        value = any_of([*graph.input, *graph.output], rng)
        value.name = any_of(("x", "", value.name * 2), rng)
    elif kind == 5:
        node = any_of(graph.node, rng)
        node.op_type = any_of(("Loop", "Nonsense", "Reshape", "MatMul", ""), rng)
    else:
        shape = any_of(graph.output, rng).type.tensor_type.shape
        if shape.dim:
            any_of(shape.dim, rng).dim_value = any_of((0, -1, 7, 2**40), rng)
        graph.initializer.add(name="huge", data_type=1, dims=[2**31, 2**20])
    return model.SerializeToString()


class _Command:
    """A pickle of it would run a program where it is loaded."""

    def __reduce__(self):
        import os

        return os.system, ("true",)


def checkpoint_pickle(content: bytes, rng: np.random.Generator) -> bytes:
    """Put another pickle into a checkpoint, such as one that runs a program, or leave it bare."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    (name,) = (each for each in members if each.endswith("data.pkl"))
    evil = pickle.dumps(any_of((_Command(), {"a": _Command()}, {"config": 1}, [], None), rng), 2)
    if rng.random() < 0.3:
        return evil
    members[name] = evil
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as new:
        for member, body in members.items():
            new.writestr(member, body)
    return stream.getvalue()


# ------------------------------------------------------------------------------ XML, YAML, CSV
def xml_entities(content: bytes, rng: np.random.Generator) -> bytes:
    """Add entities that grow without end, or that read other files."""
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    declared = any_of(
        ('<!DOCTYPE a [<!ENTITY l0 "ha">' + laughs + "]>",
         '<!DOCTYPE a [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
         '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost/x.dtd"> %x;]>',
         '<!DOCTYPE a SYSTEM "../bait.dtd">'), rng,
    )  # fmt: skip
    body = content[content.find(b"<boost") :].replace(b"</", b"&l9;</", 1)
    return b'<?xml version="1.0"?>' + declared.encode() + body


def xml_nesting(content: bytes, rng: np.random.Generator) -> bytes:
    """Nest elements deeply, or give one many attributes."""
    depth = int(any_of((DEEP, 50_000), rng))
    tower = b"<a>" * depth + b"</a>" * depth
    many = b"<a " + b" ".join(b'x%d="1"' % i for i in range(20_000)) + b"/>"
    place = content.rfind(b"</")
    return (
        content[:place] + any_of((tower, many, b"<![CDATA[" + b"x" * LONG), rng) + content[place:]
    )


def yaml_tricks(content: bytes, rng: np.random.Generator) -> bytes:
    """Add tags that make objects, aliases that grow without end, nesting, and odd names."""
    laughs = "l0: &l0 [ha, ha]\n" + "".join(
        f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    odd = (
        'x: !!python/object/apply:os.system ["true"]', "x: !!python/name:os.system", laughs,
        "x: &x [*x]", "x: " + "[" * DEEP + "]" * DEEP, "? [a, b]\n: 1", "common: 1", "grid: []",
        "grid: {seed: 3}", "grid: {seed: []}", "grid: {seed: [1, 2]}\ngrid: {seed: [3]}", "- a",
        "grid: {seed: [../../bait]}", "grid: {seed: [/tmp/bait]}", "grid: {../seed: [1]}",
        'grid: {seed: ["a\\0b"]}', "grid: {seed: [" + "x" * 300 + "]}", "grid: {1: [1]}",
        "grid: {seed: [" + ", ".join(map(str, range(100_000))) + "]}", "common: {seed: *l9}",
        "\tx: 1", "---\na: 1", "common: {network: [1]}", "x: 2026-13-45",
        "x: 0x" + "f" * 9999, "x: !!binary '!'",
        "grid: {a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], b: *a, c: *a, d: *a, e: *a, f: *a, g: *a}",
    )  # fmt: skip
    return any_of((content, b""), rng) + any_of(odd, rng).encode() + b"\n"


def csv_row(content: bytes, rng: np.random.Generator) -> bytes:
    """Change cells and columns: quotes that never end, paths, long and many cells."""
    rows = [line.split(b",") for line in content.splitlines()]
    row = any_of(rows, rng)
    odd = (
        b'"', b'"a""', b"'", b"=1+1", b"\0", b"x" * 200_000, b"a\tb", b";", b'"a\nb"', b'"a,b"',
        b"",
        *(path.encode() for path in PATHS),
    )  # fmt: skip
    kind = rng.integers(5)
    if kind == 0:
        row += [any_of(odd, rng)] * int(rng.integers(1, 2000))
    elif kind == 1:
        del row[int(rng.integers(len(row)))]
    else:
        row[int(rng.integers(len(row)))] = any_of(odd, rng)
    return b"\n".join(b",".join(cells) for cells in rows) + b"\n"


OBJ: dict[str, Spoiler] = {"face": obj_face, "statement": obj_line}
MTL: dict[str, Spoiler] = {"path": mtl_path}
PLY: dict[str, Spoiler] = {"header": ply_header}
GLB: dict[str, Spoiler] = {"scene": glb_scene, "chunk": glb_chunk, "numbers": glb_values}
MAT: dict[str, Spoiler] = {
    "array": mat_array, "element": mat_element, "bomb": mat_bomb, "number": extreme_number,
}  # fmt: skip
SAFETENSORS: dict[str, Spoiler] = {"header": safetensors_header, "numbers": safetensors_values}
ONNX: dict[str, Spoiler] = {"graph": onnx_graph}
CHECKPOINT: dict[str, Spoiler] = {"pickle": checkpoint_pickle, "number": extreme_number}
XML: dict[str, Spoiler] = {"entities": xml_entities, "nesting": xml_nesting}
YAML: dict[str, Spoiler] = {"tricks": yaml_tricks}
CSV: dict[str, Spoiler] = {"cells": csv_row}
