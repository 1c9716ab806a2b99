"""Everything that makes the CPSE Portal change something: one module for each kind, and the log that they share."""
