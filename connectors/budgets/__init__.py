"""Where what is left of a vendor's rate limit is counted: in this process, or in Redis."""
