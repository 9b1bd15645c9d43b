"""Declarations: YAML text to the model, every problem with its place, and back to YAML with comments kept.

environment.py project.py schedule.py settings.py    load one kind
schema.py scalars.py                                 the keys and the types of their values
reader.py composer.py quoting.py                     strict YAML
writer.py                                            ruamel.yaml round trips
schemas.py reference.py                              JSON Schemas and docs/yaml.md, generated
"""
