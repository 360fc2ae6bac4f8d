"""The Basel Face Model, with which the faces of 300W-LP and AFLW2000-3D were fitted.

`files` reads its files, `model` makes a morphable model from them, `layout` converts that to our
layout. `fitted_photo` reads a photo with its parameters, for both data sets.
"""
