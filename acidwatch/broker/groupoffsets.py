"""What a group has committed, and no empty answer where the broker could not say.

aiokafka overlooks an error that stands beside the partitions and not in them: a coordinator that has moved, or is loading, answers so.
Taken for "nothing was committed", it would make a service read its topic from the beginning, or take the topic for another one.
"""

from __future__ import annotations

from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.commit import OffsetFetchResponse_v2, OffsetFetchResponse_v3

_send = AIOKafkaClient.send


def see_errors_of_groups() -> None:
    """Let the clients of this process see them: they retry then, and look for the coordinator anew."""
    AIOKafkaClient.send = _checked_send


async def _checked_send(client: AIOKafkaClient, *args: Any, **kwargs: Any) -> Any:
    answer = await _send(client, *args, **kwargs)
    if isinstance(answer, OffsetFetchResponse_v2 | OffsetFetchResponse_v3) and answer.error_code:
        raise for_code(answer.error_code)()
    return answer
