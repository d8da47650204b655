"""How it is learned: the loop, its checkpoints, and what is watched on the way."""
