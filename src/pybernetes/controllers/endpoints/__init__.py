"""Which pods stand behind each Service: EndpointSlices, and the older Endpoints."""
