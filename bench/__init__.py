"""`bench`: declarative LLM experiments that measure speed, memory, cost and quality in one run, from one reviewable spec."""
