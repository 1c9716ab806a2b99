"""Pure rules of the work: identifiers, providers, differences, set-up status and access.

Nothing in here knows a framework, a database or a network; only the standard library is imported.
"""
