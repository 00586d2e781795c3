"""Samples to estimates. In: manifest, spec, plan and the lines of a run folder. Out: a `Summary`. Imports no stage but stats."""
