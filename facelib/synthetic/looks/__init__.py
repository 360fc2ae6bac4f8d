"""How skin and eyes look: drawn at random, and painted on the texture page."""
