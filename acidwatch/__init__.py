"""acidwatch: lake and stream chemistry from workbook to trend, validated, versioned, and nothing lost on the way."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("acidwatch")
except PackageNotFoundError:  # run from a source tree that was not installed
    __version__ = "0+unknown"
