"""NATS JetStream: the relay, the consumers, dead letters, and the worker that runs them."""
