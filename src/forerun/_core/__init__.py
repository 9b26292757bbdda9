"""The boundary to Rust: re-exports and nothing else. No other module imports `_rust`."""
