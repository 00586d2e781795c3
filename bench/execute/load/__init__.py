"""Load shapes: when requests are sent. In: the spec's load. Out: due times. Each file is one shape."""
