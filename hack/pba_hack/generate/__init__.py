"""Files that are made from the resource's types, committed, and checked byte for byte."""
