"""The light that a photo is taken in, and what the camera does to it."""
