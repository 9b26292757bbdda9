"""One door per file: what each group of paths takes and answers."""
