"""The product's own benchmarks: `manage.py bench NAME`. Each runs the product beside a reference, in one run."""
