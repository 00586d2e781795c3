"""Observations -> items that a person grades, and a person's answers -> `Annotation` lines. Imports no other stage."""
