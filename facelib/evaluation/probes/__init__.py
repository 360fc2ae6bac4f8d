"""Probes of a trained network: what it answers when its photos change, and what is inside.

Chapter 11 goes from outside to inside: change a photo and see how far the answer moves (`photos`),
follow a derivative back to the pixels (`gradients`), record layers (`layers`), and read the numbers
that have a meaning (`compact`). `faces` brings people to a network's size.
"""
