"""The texture of the whole head, from the photos and, where they show nothing, from the generator."""
