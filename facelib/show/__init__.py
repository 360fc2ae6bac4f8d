"""Figures for people: interactive meshes, sliders, still images, position maps.

They draw arrays and meshes that they are given; they know no networks and no data sets.
"""
