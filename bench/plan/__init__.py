"""Spec -> Plan: which trials, in which order, and what they will take. Opens nothing; imports records, errors and digest."""
