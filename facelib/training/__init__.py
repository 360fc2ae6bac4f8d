"""Training a network on a folder of pairs.

Begin with `loop.train`. `settings` lists the options, `recipe` names whole trainings, and `runs`
reads their logs. A run takes pairs of any source, and resumes exactly after any stop.
"""
