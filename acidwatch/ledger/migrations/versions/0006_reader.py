"""0006_reader: see 0006_reader.sql beside this file."""

from pathlib import Path

from alembic import op

revision = "0006_reader"
down_revision = "0005_quality"


def upgrade() -> None:
    """Apply it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))


def downgrade() -> None:
    """History is never rewritten."""
    raise NotImplementedError("restore a backup instead")
