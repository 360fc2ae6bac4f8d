"""Transforms, meshes and their files, and registration without correspondences."""
