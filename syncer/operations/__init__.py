"""Do what a command asks for; one file per verb."""
