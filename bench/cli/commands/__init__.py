"""One file per verb: its docstring is the help, `configure` its options, `execute` its work."""
