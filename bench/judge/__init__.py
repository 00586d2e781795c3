"""Samples to grades. In: prompts with expected aspects, answers. Out: `Grade`. Must not import any other stage."""
