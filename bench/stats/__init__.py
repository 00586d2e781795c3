"""Pure mathematics on arrays; knows no LLM. In: numpy arrays and a random generator. Out: numbers and `Interval`s. Imports numpy and scipy."""
