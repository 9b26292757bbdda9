"""The report: one HTML file that says how the predictions did. It loads nothing from anywhere."""
