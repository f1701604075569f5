"""Find out which records are gone."""
