"""Set up preschool special education providers on the CPSE Portal from a county intranet."""
