"""What the pages share: fragments and htmx headers, permissions, problems as pages or fragments."""
