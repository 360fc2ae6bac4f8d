"""Training samples: two photos of a person and the front photo's vertices.

Stored in shards and augmented here, whatever source they come from.
"""
