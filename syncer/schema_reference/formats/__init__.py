"""Typed models for programs that read the mirror: one file per language or tool.

All are written from the same description of tables, views and relations, which ``described`` makes.
"""
