"""The command: ``python -m otakit.conformance SERVER=… MQTT=…``."""

from otakit.conformance.command import main

if __name__ == "__main__":
    main()
