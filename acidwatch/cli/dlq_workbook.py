def export() -> None:
    """x"""


def resubmit() -> None:
    """x"""
