"""Exchanges → frames, figures of time, plots."""
