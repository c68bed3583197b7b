"""The destination: one SQL warehouse, PostgreSQL in production, SQLite out of the box.

`engine` opens it, `migrate` brings its tracking tables up to date, `runs`, `locks`,
`checkpoints` and `sweep` keep the books, `history` reads them for status pages.
Whoever writes rows does so in one transaction that ends with `runs.count_batch`.
"""
