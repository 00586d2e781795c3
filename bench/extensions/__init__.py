"""What third parties' extensions are called through: a guard, and one face per door. Comes in: an extension; goes out: the same contract, safe."""
