"""Webhooks of the simulated Kombo: what happens becomes events, and events are sent, signed, to a receiver.

``Outbox`` collects the events of an environment, for tests that deliver them step by step; ``Sender`` posts
them as they come, with faults on request.
"""
