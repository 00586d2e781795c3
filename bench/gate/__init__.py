"""Summary -> GateResults: whether a run meets what its spec demands of it."""
