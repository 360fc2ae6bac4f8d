"""FaceGen exports, as the thesis's script makes them: per person one mesh and three photos."""
