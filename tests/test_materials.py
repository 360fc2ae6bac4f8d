from facelib.face.headmodel import load_head
from facelib.synthetic.head_pages import head_materials


def test_eyes_are_wet_cloth_is_dull_and_teeth_lie_inside():
    materials = head_materials(load_head(), 256)
    assert materials.is_eye.sum() > 100
    assert materials.roughness.max() < 0.7 and materials.inside.sum() > 300
    assert materials.openness.min() >= 0 and materials.openness.max() <= 1
