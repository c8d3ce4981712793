"""0002_metrics: see 0002_metrics.sql beside this file."""

from pathlib import Path

from alembic import op

revision = "0002_metrics"
down_revision = "0001_ledger"


def upgrade() -> None:
    """Apply it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))


def downgrade() -> None:
    """History is never rewritten."""
    raise NotImplementedError("restore a backup instead")
