"""The answer of `/metrics` as it is filled; it knows the metrics of the table, and no other."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from operators.metrics.table import METRICS


class MetricBoard:
    """Gauges of one scrape. Not thread-safe: each scrape has its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge. Raises `KeyError` for one that is not in the table, `ValueError` for other labels."""
        gauge = self._gauges.get(name)
        if gauge is None:
            metric = METRICS[name]
            gauge = self._gauges[name] = Gauge(name, metric.says, metric.labels, registry=self._registry)
        (gauge.labels(**labels) if labels else gauge).set(value)

    def text(self) -> bytes:
        """In Prometheus' format."""
        return generate_latest(self._registry)
