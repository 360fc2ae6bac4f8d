"""How good a network is: on pairs of known shape, on scans, on photos with 68 points, by itself.

`metrics` measures one face; `pairs`, `scans` and `landmarks` score a network on many faces;
`consistency` compares its predictions with each other; `tables` formats scores and `record` stores
them in a file. `probes` examines the inside of a network. The faces come from `pairs` and
`datasets`.
"""
