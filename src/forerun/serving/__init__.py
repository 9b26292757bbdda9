"""The HTTP doors to predictions and features. Not what answers them: that is the runtime."""
