"""Words on a command line -> a stage's call -> an exit code. Loads only what a verb needs."""
