"""Two versions of a spec, with their plans -> what changed, by identity, and what it means for results. Reads no file; knows no stage."""
