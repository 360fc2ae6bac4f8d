"""How good a network is: on pairs of known shape, on scans, on photos with 68 points, by itself.

`metrics` measures one face; `pairs`, `scans` and `landmarks` score a network on many, `consistency`
compares its answers with each other; `tables` prints scores and `record` keeps them in a file.
`probes` looks inside a network. Which faces there are is the business of `pairs` and `datasets`.
"""
