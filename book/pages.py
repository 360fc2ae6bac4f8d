"""Sphinx extension that finishes the pages: they become small, and tell machines what they are.

Meshes and long scripts move from a page into files that are loaded when they are wanted, pictures
become WebP, and scripts that a page does not need are left out of it.
"""

import hashlib
import io
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from speed import PROCESSES
from sphinx.application import Sphinx

DATA = re.compile(r'data-(scene|directions|points)="([^"]{1000,})"')
GLB = re.compile(r'data-glb="([^"]{1000,})"')
SCRIPT = re.compile(r"<script>([^<]{20000,})</script>")
PICTURE = re.compile(r'<img (?:class="[^"]*" )?(?=[^>]*src="(?:\.\./)?(_images/[^"]+\.png)")')
VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>|<meta content="[^"]*" name="viewport"[^>]*>')
# The theme draws its icons with this script; the font that it brings along does the same.
ICONS = re.compile(r'\s*<script defer src="[^"]*fontawesome\.js[^"]*"></script>')
SEARCH = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
MATHJAX = re.compile(
    r"\s*<script[^>]*>window\.MathJax.*?</script>|\s*<script[^>]*mathjax/[^>]*></script>"
)
# The arrow that unfolds a branch of the contents has no words.
BRANCH = (
    '<summary><span class="toctree-toggle"',
    '<summary aria-label="Pages of this part"><span class="toctree-toggle"',
)
# The first cell of a table's row names it; the theme's tables leave that out.
ROW = re.compile(r'(<tr class="row-(?:even|odd)">\s*)<td([^>]*)>(.*?)</td>', re.DOTALL)
UNUSED = (
    *("**/*.map", "**/fontawesome.js", "**/*.ttf", "**/bootstrap.js.LICENSE.txt"),
    *("locales/**/*.po", "locales/**/*.mo"),
)
PLOT_SHARE = 0.9  # of a plot's pixels have one of its six most frequent colours
DARK, DARK_SHARE = 3, 0.1  # darker than this, of 32 levels: lines and words, not a plot's ground
QUALITY = 88


def take_out(html: str, pattern: re.Pattern, write) -> str:
    """Replace each match by what `write` makes of it and of a name that is its content's hash."""

    def replaced(match: re.Match) -> str:
        name = hashlib.sha256(match[0].encode()).hexdigest()[:16]
        return write(match, name)

    return pattern.sub(replaced, html)


def outsource(html: str, folder: Path, static: str) -> str:
    """Move the data of meshes, and long scripts, into files of `folder`; `static` leads there."""

    def data_file(match: re.Match, name: str) -> str:
        (folder / f"{name}.js").write_text(f'meshData("{name}","{match[2]}")', "ascii")
        return f'data-{match[1]}-file="{name}"'

    def glb_file(match: re.Match, name: str) -> str:
        (folder / f"{name}.js").write_text(f'document.currentScript.glb="{match[1]}"', "ascii")
        return f'data-glb-file="{static}meshes/{name}.js"'

    def script_file(match: re.Match, name: str) -> str:
        (folder / f"{name}.js").write_text(match[1], "utf-8")
        return f'<script src="{static}meshes/{name}.js"></script>'

    for pattern, write in ((DATA, data_file), (GLB, glb_file), (SCRIPT, script_file)):
        html = take_out(html, pattern, write)
    return html


def is_plot(image: Image.Image) -> bool:
    """Whether a picture is a drawing in few colours on white: no photo and no shaded surface."""
    levels = np.asarray(image.convert("RGB")).astype(int) >> 3
    keys = (levels[..., 0] << 10) | (levels[..., 1] << 5) | levels[..., 2]
    in_few_colors = np.sort(np.bincount(keys.ravel()))[-6:].sum() > PLOT_SHARE * keys.size
    return bool(in_few_colors and (levels.max(axis=-1) < DARK).mean() < DARK_SHARE)


def smaller(image: Image.Image, plot: bool) -> bytes:
    """Return a WebP file: a plot keeps every pixel, a picture is compressed."""
    buffer = io.BytesIO()
    options = {"lossless": True} if plot else {"quality": QUALITY}
    image.convert("RGB").save(buffer, "WEBP", **options)
    return buffer.getvalue()


def small_pictures(html: str, out: Path) -> str:
    """Make the page's PNG pictures WebP, and give each the class `is-plot` or `is-picture`."""

    def converted(match: re.Match) -> str:
        path = out / match[1]
        with Image.open(path) as image:
            plot = is_plot(image)
            path.with_suffix(".webp").write_bytes(smaller(image, plot))
        return f'<img class="{"is-plot" if plot else "is-picture"}" '

    html = PICTURE.sub(converted, html)
    return re.sub(r"(_images/[^\"']+)\.png", r"\1.webp", html)


def described(html: str, static: str) -> str:
    """Name the page's viewport once, and add what a link to the page shows elsewhere."""
    first, *_ = VIEWPORT.findall(html)
    html = VIEWPORT.sub("", html)
    title = re.search(r"<title>(.*?)</title>", html, re.S)[1].split(" &#8212;")[0].strip()
    text = re.search(r"<article[^>]*>.*?<p>(.*?)</p>", html, re.S)
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text[1] if text else title))
    about = words[:200].replace('"', "&quot;")
    metas = [first, f'<meta name="description" content="{about}">']
    metas += [
        f'<meta property="og:{name}" content="{content}">'
        for name, content in (
            ("type", "article"),
            ("title", title.replace('"', "&quot;")),
            ("description", about),
            ("image", f"{static}card.jpg"),
        )
    ]
    return html.replace("<title>", "\n".join(metas) + "\n<title>", 1)


def lean(html: str, page: str) -> str:
    """Take out the scripts that the page does not use."""
    html = ICONS.sub("", html)
    if page != "search.html":
        html = SEARCH.sub("", html)
    if 'class="math' not in html:
        html = MATHJAX.sub("", html)
    return html


def named(html: str) -> str:
    """Let screen readers hear buttons and links by words, lists as lists, and names of rows."""
    html = html.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    html = re.sub(
        r'(<(?:summary|button class="btn search-button-field)[^>]*?) aria-label="[^"]*"',
        r"\1",
        html,
    )
    html = re.sub(r'(<a class="headerlink"[^>]*? title=("[^"]*"))', r"\1 aria-label=\2", html)
    # A page has many of these, and needs none.
    html = re.sub(r' id="(?:exercise|solution)-content"', "", html)
    return ROW.sub(r'\1<th scope="row"\2>\3</th>', html.replace(*BRANCH))


def finish_page(out: Path, path: Path) -> None:
    """Finish a page, unless an earlier build has, or it is no page of the book's."""
    html, (*folders, name) = path.read_text("utf-8"), path.relative_to(out).parts
    if "og:title" in html or "_static" in folders:
        return
    static = f"{'../' * len(folders)}_static/"
    html = outsource(html, out / "_static" / "meshes", static)
    path.write_text(lean(described(named(small_pictures(html, out)), static), name), "utf-8")


def finish(app: Sphinx, error: Exception | None) -> None:
    """Finish every page that has just been written, and take away files that none of them use."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    (out / "_static" / "meshes").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(PROCESSES) as threads:  # Pillow lets other threads work meanwhile
        list(threads.map(partial(finish_page, out), out.rglob("*.html")))
    for pattern in UNUSED:
        for path in (out / "_static").glob(pattern):
            path.unlink()
    for path in (out / "_images").glob("*.png"):
        if path.with_suffix(".webp").exists():
            path.unlink()


def complete_writer(app: Sphinx) -> None:
    """Let the one long page, which book/pdf.py prints, know all that the other pages know.

    Sphinx forgets what extensions write into HTML as soon as one of them mentions singlehtml.
    """
    known = app.registry.translation_handlers
    known["singlehtml"] = {**known.get("html", {}), **known.get("singlehtml", {})}


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps."""
    app.connect("builder-inited", complete_writer)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
