"""The page that the twin serves at ``/``: its devices, packages and exchanges, to look at and to operate.

The page speaks the operators' REST API like anyone else; what it sees live comes as one stream of events.
In reading order: delivered (how much of an image went out), ear (hears packets), sentences (exchanges in
words), view (a device as the page shows it), feed (the stream), routes (the paths), static (the page).
"""
