"""0012_comments: see 0012_comments.sql beside this file."""

from pathlib import Path

from alembic import op

revision = "0012_comments"
down_revision = "0011_comments"


def upgrade() -> None:
    """Apply it."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))


def downgrade() -> None:
    """History is never rewritten."""
    raise NotImplementedError("restore a backup instead")
