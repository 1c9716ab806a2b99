"""The addresses of the plugin. Each module puts its routes on the parent blueprint, which is made anew for each app."""
