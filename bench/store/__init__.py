"""Records to and from the run folder. In: records. Out: files that survive a crash. Imports records, errors, digest, msgspec and yaml; no stage."""
