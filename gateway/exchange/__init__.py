"""The use cases: what a caller can have done, each one transaction and its log entry. No HTTP, no SQL, no files."""
