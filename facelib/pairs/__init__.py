"""Training pairs: two photos of a person, and the face's vertices in the front photo's frame.

Content, storage in shards, and augmentation of pairs from any source. The sources are `synthetic`
and `datasets`.
"""
