"""One file per log backend. Vendor drivers are imported only here."""
