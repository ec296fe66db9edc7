"""Client against twin in memory, in virtual time: the same bytes everywhere, from a seed and a plan."""
