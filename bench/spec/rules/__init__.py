"""What a schema cannot say: each file yields findings about one part of a spec. In: marked data. Out: diagnostics."""
