"""The people to photograph, and their expressions.

`population` draws age, sex, origin and a head that fits them, `expressions` draws facial actions,
and `acting` moves the head by them. It depends only on the head model, not on skin or light.
"""
