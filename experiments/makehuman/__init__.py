"""MakeHuman's CC0 head, for `build_head.py` and `build_people.py`."""
