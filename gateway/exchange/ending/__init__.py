"""The end of a package: retention, purge orders, legal holds, and the purge itself."""
