"""The NPI Registry: what is asked of it (`gateway`) and the client of its public API."""
