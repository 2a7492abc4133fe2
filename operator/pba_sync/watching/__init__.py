"""Which nodes there are: EndpointSlices, the declared ones and their addresses, as one view that is kept current."""
