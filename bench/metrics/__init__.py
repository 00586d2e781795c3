"""One file per metric. In: an observation. Out: a number, several, a fraction, or None. Imports records and protocols, never a stage."""
