"""Licensed datasets: a folder each, with the reader and a stand-in in the same format."""
