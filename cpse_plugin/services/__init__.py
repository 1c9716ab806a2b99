"""The use cases. Each owns its transaction, checks the permission again, and gives out objects of the domain."""
