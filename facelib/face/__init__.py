"""The morphable head, its layout on the unit square, position maps, and transfer to our vertices.

A layout turns vertices into a map and back. How much a texel counts in training is not its
concern (`training.weight_mask`); neither are photos (`pairs`).
"""
