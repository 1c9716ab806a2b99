"""A whole small world on this machine: a county's intranet and the systems around it.

`python -m cpse_plugin.sandbox` starts the intranet host with the plugin, the CPSE Portal, the county's identity
provider, the NPI Registry and a mailbox. The plugin talks to them over HTTP as it would to the real ones, and nothing
outside this package knows of it. All names in its data are invented.
"""
