"""The morphable head, its unwrapping onto the unit square, and position maps."""
