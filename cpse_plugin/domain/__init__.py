"""Pure rules of the work: identifiers, providers, differences, set-up status and access.

Nothing in here knows a framework, a database or a network. Beside the standard library only two
libraries are imported, which know how addresses and names of people are written, each when it is first needed.
"""
