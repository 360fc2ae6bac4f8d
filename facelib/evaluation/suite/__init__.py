"""Everything that the project claims, measured by one command: `facelib evaluate --suite`.

`people` photographs people who are in no training set, with one thing set; `peers` are the methods
that are compared; `errors` measures one face; `curves` says what is varied; `run` does all of it
and stores a row per face; `tables` and `figures` show the rows. Chapter 11.
"""
