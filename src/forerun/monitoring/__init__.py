"""Metrics and quality of predictions. Observes records; decides nothing."""
