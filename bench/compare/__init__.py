"""Two runs, or a run and a baseline, against each other: what of them is alike, and what is better, worse, the same or open."""
