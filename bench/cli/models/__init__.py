"""The verbs of `bench models`: options in, tables for people or JSON for programs out. Must not be imported by any stage."""
