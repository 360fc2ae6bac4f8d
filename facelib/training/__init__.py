"""How a network learns from pairs: settings, loop, losses, log, checkpoints, runs."""
