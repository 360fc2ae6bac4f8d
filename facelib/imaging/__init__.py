"""Pictures: reading and writing, colour, resampling and crops.

Also what cameras and files do to a picture, and the backgrounds behind a face.
"""
