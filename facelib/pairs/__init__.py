"""Training pairs: two photos of a person, and the face's vertices in the front photo's frame.

What a pair holds, how it is stored in shards, and how it is augmented, whatever source it comes
from. The sources are `synthetic` and `datasets`.
"""
