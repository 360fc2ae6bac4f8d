"""What grows or sits on a head: hair, beards, glasses, hats and clothes."""
