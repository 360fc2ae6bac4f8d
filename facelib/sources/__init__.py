"""Where pairs come from; every source yields the same `FacePair`."""
