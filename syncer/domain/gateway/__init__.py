"""Rules of the gateway: how a list is asked for, what the mirror can answer, how an answer looks. Pure."""
