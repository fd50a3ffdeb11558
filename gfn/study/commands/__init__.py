"""Commands of ``gfn``, a module each."""
