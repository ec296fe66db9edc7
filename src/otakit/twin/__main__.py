"""``python -m otakit.twin``: the twin as a process of its own."""

from otakit.twin.serving import main

if __name__ == "__main__":
    main()
