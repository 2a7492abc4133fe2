"""Everything that is said to MySQL, and what its Secrets are made of: adapters, without decisions."""
