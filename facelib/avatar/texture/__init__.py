"""The texture of the whole head: photos, and the generator's paint where they show nothing."""
