"""Lists of Kombo's that the catalogue lacks, and the configuration adds."""
