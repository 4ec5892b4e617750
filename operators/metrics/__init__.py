"""What `/metrics` shows Prometheus, from the ledger and from Redis; docs/reference/metrics.md is made of its table."""
