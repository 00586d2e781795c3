"""Machine -> records: what this machine is. May import records, errors and protocols; never on the measured path."""
