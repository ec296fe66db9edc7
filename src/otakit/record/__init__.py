"""Recordings: captured packets kept in a standard pcapng file, and read again from any prefix of it."""
