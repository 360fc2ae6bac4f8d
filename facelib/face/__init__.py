"""The morphable head, its layout on the unit square, position maps, and transfer to our vertices.

A layout converts vertices to a map and back. The weights of texels in training are in
`training.weight_mask`, and photos in `pairs`.
"""
