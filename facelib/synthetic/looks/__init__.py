"""The looks of skin and eyes: drawn at random, and painted on the texture page.

`appearance` and `complexion` are the draws, `atlas` is the page, `skin_paint` paints it finely and
`plain_paint` simply. How light falls on it is in `synthetic.light`.
"""
