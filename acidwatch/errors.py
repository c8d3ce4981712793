"""The one error tree: what the caller can do about an error is its class.

Attributes first, the message is made from them, so that logs and tests read the attributes and people read the message.
"""

from __future__ import annotations


class AcidwatchError(Exception):
    """Base of every error that acidwatch raises on purpose.

    Attributes:
        exit_code: What the command line ends with when this error reaches it.
    """

    exit_code = 1


class PermanentError(AcidwatchError):
    """Trying again changes nothing: the data or the request is at fault."""


class UnusableInputError(PermanentError):
    """What the user gave can't be used: no such file, not a workbook, a column is missing."""

    exit_code = 2


class UnreadableNowError(UnusableInputError):
    """A file can't be read at this moment or on this machine, which says nothing about its content.

    Attributes:
        until_restart: It can't until this process is started with something else, such as more memory.
    """

    def __init__(self, message: str, *, until_restart: bool = False) -> None:
        self.until_restart = until_restart
        super().__init__(message)


class ConfigError(PermanentError):
    """Settings are missing or wrong; the message names each one and every place looked in."""

    exit_code = 2


class RetryableError(AcidwatchError):
    """Trying again later may succeed. Part of it may be done by then, so whoever tries again must be idempotent."""


class DependencyAwayError(RetryableError):
    """What the work needs does not answer, or answers that it can't serve now, or is not there.

    Attributes:
        dependency: What it is, as in health and metrics: a server such as `Kafka`, or `reference tables`, `drop folder` and the like.
        address: Where it was looked for, without secrets.
        reason: What the client library said, on one line.
    """

    exit_code = 3

    def __init__(self, dependency: str, address: str, reason: object) -> None:
        self.dependency = dependency
        self.address = address
        self.reason = " ".join(str(reason).split())[:300] or type(reason).__name__
        super().__init__(f"{dependency} is away at {address}: {self.reason}")


class RefusedError(DependencyAwayError):
    """A server answers, and lets nobody in who comes with these settings: password, certificate, encryption or a right is wrong.

    Whoever starts with it ends with 2: a person has to change a setting. Whoever is at work waits as for an outage, so that a password that
    was changed loses nothing.

    Attributes:
        advice: Which setting to look at; never its value.
    """

    exit_code = 2

    def __init__(self, dependency: str, address: str, reason: object, advice: str) -> None:
        super().__init__(dependency, address, reason)
        self.advice = advice
        self.reason = f"{self.reason}; {advice}"
        self.args = (f"{dependency} at {address} refuses: {self.reason}",)


class NotMigratedError(DependencyAwayError):
    """The database answers, and lacks tables, columns or functions of this acidwatch.

    A person has to migrate it, so a command ends with 2. Whoever is at work waits for that as for an outage.
    """

    exit_code = 2

    def __init__(self, address: str, reason: object) -> None:
        missing = str(reason).split("\n", 1)[0]
        super().__init__("PostgreSQL", address, f"tables of this acidwatch are not there ({missing})")
        self.reason += "; make them with: acidwatch ledger migrate"
        self.args = (f"PostgreSQL at {address}: {self.reason}",)


class HeldError(RetryableError):
    """No server is away: a guard or a person holds the work back until a person lets it go on.

    Attributes:
        name: What holds it, such as `flood guard`.
        reason: Why, and what to do.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name}: {reason}")


class OutcomeUnknownError(RetryableError):
    """The whole of it may have happened or not, so nothing that belongs to it may be deleted before it was tried again."""


class OffsetGapError(PermanentError):
    """Records that were never read are gone from a topic: the consumer stops instead of skipping them.

    Attributes:
        topic, partition: Where.
        expected, found: The next offset that was due, and the one that came.
    """

    def __init__(self, topic: str, partition: int, expected: int, found: int) -> None:
        self.topic, self.partition, self.expected, self.found = topic, partition, expected, found
        super().__init__(
            f"offset gap on {topic}/{partition}: expected {expected}, found {found}; "
            "records were removed by retention or the topic was made anew. Nothing was skipped. To go on from here "
            f"after looking into it, start once with ACIDWATCH_ACCEPT_GAP={topic}/{partition}@{found}"
        )
