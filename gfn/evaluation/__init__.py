"""What a policy has learned: exact distributions and divergences, accuracy, structure."""
