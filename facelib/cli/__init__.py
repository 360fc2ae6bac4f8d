"""The commands of `python -m facelib`, one a file."""
