"""Figures for people: interactive meshes, sliders, still images, position maps.

They draw arrays and meshes, and do not depend on networks or data sets.
"""
