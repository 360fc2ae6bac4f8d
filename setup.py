"""What pyproject.toml cannot say: the wheel has some of the folder data/ as facelib/data."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["facelib", "facelib.*"]), "facelib.data"],
    package_dir={"facelib.data": "data"},
)
