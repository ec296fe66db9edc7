"""The article: its examples cut out of recordings, its tables made from the code, and the page handed over."""
