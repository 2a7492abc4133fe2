"""What requests came to, and which nodes are therefore put out, tried, and let back: pure."""
