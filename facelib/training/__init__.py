"""Training a network on a folder of pairs.

Begin with `loop.train`; `settings` lists what can be chosen, `recipe` names whole trainings, and
`runs` reads the logs that they leave. A run takes pairs of any source, and goes on exactly after
any stop.
"""
