"""What topics are made with."""

from __future__ import annotations

import pytest

from acidwatch.broker.topics import plan
from acidwatch.settings import KafkaSettings


@pytest.mark.parametrize(("replicas", "least"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_what_is_confirmed_is_on_two_disks_wherever_one_of_them_may_be_lost(replicas: int, least: str | None) -> None:
    topics = plan(KafkaSettings(kafka_bootstrap="127.0.0.1:9", topic_replication=replicas))
    assert len(topics) == 4
    assert {topic.config.get("min.insync.replicas") for topic in topics} == {least}
