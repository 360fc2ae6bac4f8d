"""FaceGen exports, as the thesis's script leaves them."""
