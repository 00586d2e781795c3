"""A spec of an older version of the language -> the same in this one, as edits of its text: comments, order and style stay."""
