"""Probes of a trained network: its response to changed photos, and its inner values.

Chapter 13 goes from outside to inside: change a photo and measure how far the prediction moves
(`photos`), follow a derivative back to the pixels (`gradients`), record layers (`layers`), and read
the numbers that have a meaning (`compact`). `faces` resizes people to a network's size.
"""
