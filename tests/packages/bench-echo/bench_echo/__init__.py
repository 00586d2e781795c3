"""Extensions of bench: an example for each door."""
