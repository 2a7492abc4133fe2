"""What the tests on real nodes share: the tiers e2e and chaos drive the same installation in the same way."""
