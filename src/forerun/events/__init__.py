"""Events, schemas, expressions and codecs: what enters, and the records packages exchange. No I/O."""
