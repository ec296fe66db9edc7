"""PlantUML, offline: text to pictures, arrows held against the message table, sessions drawn as sequences.

In reading order: source (text as lines), balance and labels (what is refused before anything is drawn),
engine with shim.js (JavaScript inside the process), java (the second choice), picture, value (`Diagram`),
plantuml (`render`), sequence (what happened, drawn), folder (files). `fetch_engine` is for set-up only.
"""

from otakit.diagrams.plantuml import check_labels, diagram, mark, names, render
from otakit.diagrams.value import Diagram

__all__ = ["Diagram", "check_labels", "diagram", "mark", "names", "render"]
