"""ThingsBoard's rules, one idea a file; all pure. `otakit.twin.model` puts them together."""
