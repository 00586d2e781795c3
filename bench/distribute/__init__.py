"""Several processes for one load. In: a load shape, trials, and what one process does with its share. Out: what the processes say, as it comes."""
