"""forerun: event streams in; exact features, model scores and governed actions out."""
