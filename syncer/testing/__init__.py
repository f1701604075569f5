"""Tools for tests of programs that use Kombo: the simulator as a fixture of pytest."""
