"""For tests only: what no package has, built or fetched the first time and kept."""
