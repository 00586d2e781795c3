"""What candidates measured, were asked to fulfil and came to in resamples -> SelectionResult: which one, why, how sure, what would change it."""
