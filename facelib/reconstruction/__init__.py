"""From two photos to a textured mesh."""
