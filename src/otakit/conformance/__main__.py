"""``python -m otakit.conformance SERVER=… MQTT=…``: is the twin what this ThingsBoard is?"""

from otakit.conformance.command import main

if __name__ == "__main__":
    main()
