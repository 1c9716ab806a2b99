"""The CPSE Portal: what is asked of it (`gateway`), its contract (`openapi.yaml`) and the client that speaks it."""
