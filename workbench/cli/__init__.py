"""The command line: thin commands over `services`, each in the module of its group."""
