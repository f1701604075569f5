"""The gateway's rules: how a list is asked for, what of it the mirror can answer, and how an answer looks. Pure."""
