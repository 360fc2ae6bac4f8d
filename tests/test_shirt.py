import numpy as np

from facelib.face.headmodel import load_head
from facelib.synthetic.worn.shirt import RINGS, neck_edge, shirt_triangles, shirt_vertices

MODEL = load_head()


def test_the_shirt_hangs_from_the_neck():
    edge = neck_edge(MODEL.mean_head, MODEL.triangles)
    rings = shirt_vertices(MODEL.mean_head, edge).reshape(len(RINGS), len(edge), 3)
    assert MODEL.mean_head[edge, 1].max() < -100
    assert np.all(np.diff(rings[..., 1].mean(1)) < 0)
    triangles = shirt_triangles(len(edge), first=100)
    assert triangles.min() == 100 and triangles.max() == 99 + rings.size // 3
