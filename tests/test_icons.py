"""The built book carries the icons that its pages use, and no others."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book"))
from icons import thinned, used_icons

SCRIPT = (
    'var a={monero:[448,512,[],"f3d0","M1 2Z"],"arrow-up":[384,512,[8593],"f062","M3 4Z"],'
    'sun:[512,512,[9728],"f185",["M5","M6"]]};var b={moon:[384,512,[],"f186","M7"]};run(a,b)'
)


def test_pages_and_scripts_name_icons_by_class():
    page = '<i class="fa-solid fa-arrow-up"></i>'
    assert used_icons([page, 'icon.className = "fa-sun"']) == {"solid", "arrow-up", "sun"}


def test_only_named_icons_stay_and_the_rest_of_the_script_is_the_same():
    assert thinned(SCRIPT, {"arrow-up", "moon"}) == (
        'var a={"arrow-up":[384,512,[8593],"f062","M3 4Z"],};var b={moon:[384,512,[],"f186","M7"]};'
        "run(a,b)"
    )
