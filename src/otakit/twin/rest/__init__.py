"""The operator's REST door: ThingsBoard's own paths, bodies and error answers."""
