"""How results look in the notebooks and in the book."""
