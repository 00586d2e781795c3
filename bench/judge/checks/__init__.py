"""Checks: aspects that need no model. In: the argument as written in the spec, an answer. Out: a `Verdict`. Must not import any other stage."""
