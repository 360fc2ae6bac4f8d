"""The Basel Face Model, with which the faces of 300W-LP and AFLW2000-3D were fitted.

`files` reads its files, `model` makes a morphable model of them, `layout` brings that to our
layout. `fitted_photo` reads a photo with its parameters; both data sets use it.
"""
