"""The commands of `facelib`, one per file."""
