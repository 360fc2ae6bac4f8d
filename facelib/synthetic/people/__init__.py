"""Who stands before the camera, and what their face does."""
