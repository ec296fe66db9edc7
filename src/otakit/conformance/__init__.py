"""The scenarios of conformance: what they are played on, who is compared with whom, what came out."""
