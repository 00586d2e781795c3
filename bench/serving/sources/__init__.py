"""One file per kind of weights source: the text after `kind:` in, a file in a given folder out."""
