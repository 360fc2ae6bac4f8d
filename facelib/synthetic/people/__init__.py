"""Who stands before the camera, and what their face does.

`population` draws age, sex, origin and a head that fits them, `expressions` draws facial actions,
and `acting` moves the head by them. It depends only on the head model, not on skin or light.
"""
