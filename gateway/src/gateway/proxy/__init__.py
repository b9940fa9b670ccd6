"""Routes, hygiene and the forwarding of requests to the services."""
