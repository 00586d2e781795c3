"""promptfoo's configuration files <-> specs. In: a configuration's path, or a loaded spec. Out: text and findings."""
