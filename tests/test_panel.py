"""The panel of chapter 12 that takes photos in JupyterLab."""

from types import SimpleNamespace

import ipywidgets

from facelib.show.panel import PhotoPanel


def upload(name, content):
    return (SimpleNamespace(name=name, content=content),)


def test_photos_reach_the_builder_as_files_that_are_gone_afterwards():
    seen = []

    def build(*paths):
        seen.extend(paths)
        return [path.read_bytes() for path in paths]

    panel = PhotoPanel(build)
    assert panel._built([upload("me.JPG", b"front"), upload("x.png", b"side")]) == [
        b"front",
        b"side",
    ]
    assert [path.name for path in seen] == ["front.JPG", "side.png"]
    assert not any(path.parent.exists() for path in seen)
    assert panel._built([upload("me.jpg", b"alone"), ()]) == [b"alone"]


def test_what_is_wrong_with_a_photo_is_shown_as_a_sentence():
    def build(*_):
        raise ValueError("no face found in <front.jpg>")

    shown = PhotoPanel(build)._built([upload("me.jpg", b""), ()])
    assert isinstance(shown, ipywidgets.HTML)
    assert shown.value == "<p>no face found in &lt;front.jpg&gt;</p>"


def test_the_book_says_that_the_panel_needs_jupyterlab():
    bundle = PhotoPanel(print)._repr_mimebundle_()
    assert "JupyterLab" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_button_waits_for_a_front_photo():
    row, _ = PhotoPanel(print).live().children
    assert row.children[-1].disabled
