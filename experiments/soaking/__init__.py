"""The parts of `experiments/soak.py`: each tries to break facelib in another way."""
