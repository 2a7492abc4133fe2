"""`hack/test`: everything that the tests need, then the tests, against the installed wheel."""
