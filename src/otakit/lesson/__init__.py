"""What the lessons are made of: one exchange at a time, explained; predictions, hints and answers."""
