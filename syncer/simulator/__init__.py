"""A faithful fake Kombo: made-up companies behind the real API's protocol.

``Environment.example`` makes one, ``running`` serves it, ``life`` lets it change.
"""
