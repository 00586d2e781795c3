"""Other tools' files <-> specs, as text. In: a foreign file, or a loaded spec. Out: text, and findings about what has no counterpart.

Foreign files are untrusted data: nothing of them is run, no connection is opened, and no file outside their folder is read.
"""
