"""People who never lived, and photos of them: `make_pair(7, SyntheticSettings())`.

A sample is made in this order: `person` (with `people`), `skin` (with `looks`), `dressing` (with
`worn`), `photo` (with `light`), `session`, `samples`; `generation` writes many. `studio` chooses
how each step is done, by the switches in `ingredients`; `plain` does what is switched off.
"""
