"""Operations of the commands: one file per verb, each a function of the App."""
