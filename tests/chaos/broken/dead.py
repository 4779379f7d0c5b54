"""An engine that ends before it has begun."""

raise SystemExit(1)
