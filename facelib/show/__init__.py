"""Pictures for people: figures, meshes to turn, sliders."""
