"""From stored runs to the numbers that figures show and claims are judged by."""
