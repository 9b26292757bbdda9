"""Public aids for users' tests: oracles, generators and fakes, named as such."""
