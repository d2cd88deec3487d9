"""The `ami` command line, benchmarks and generators."""
