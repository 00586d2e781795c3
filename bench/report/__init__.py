"""Summary and observations in; one view, and from it Markdown, CSV, JSON, HTML and console tables out. Computes no statistics."""
