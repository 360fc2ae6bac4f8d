"""People who never lived, and photos of them.

Who they are, how they look, what they wear, the light; and sets of pairs at scale.
"""
