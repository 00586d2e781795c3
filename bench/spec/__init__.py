"""Text -> `Spec`. In: the path of a spec, the registered names, the environment. Out: a checked, frozen `Spec`, or every finding with its place.

Must not import a stage, numpy, openai or a runtime; opens no connection and reads no file outside the spec's folder.
"""
