"""From the resource's types to what the API server reads: the schema, and the CRD around it.

Used when files are generated and in tests; the operator itself never imports it.
"""
