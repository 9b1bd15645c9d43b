"""The notebook as a document: what it is, its parameters, its outputs. Nothing here runs one."""
