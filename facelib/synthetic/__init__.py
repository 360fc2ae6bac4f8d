"""Synthetic people and photos of them: `make_pair(7, SyntheticSettings())`.

A sample is made in these steps: `person` (with `people`), `skin` (with `looks`), `dressing` (with
`worn`) and `photo` (with `light`); `session` runs them, `samples` numbers the results, and
`generation` writes many. `studio` chooses the function for each step by the switches in
`ingredients`; `plain` has the functions for ingredients that are off.
"""
