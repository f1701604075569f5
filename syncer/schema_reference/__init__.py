"""The schema for people and programs: catalogue and metadata become diagrams, DDL, JSON and Markdown.

No database is asked: what is told is the schema of this version.
"""
