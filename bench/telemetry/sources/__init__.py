"""One file per source: something of this machine -> `Readings`. Each may import its own package."""
