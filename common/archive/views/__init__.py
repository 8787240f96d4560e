"""Books and tables made from archives: replayed books, and the export to Parquet."""
