"""From mesh to picture: camera, z-buffer, shading."""
