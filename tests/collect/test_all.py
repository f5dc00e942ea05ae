"""The list of collectors, and a run over it: a failed read stops no other source and is told as it is."""

from __future__ import annotations

from fluo_audit.collect.all import ALL, collect
from fluo_audit.model import sources
from fluo_audit.model.evidence import Have, Missing


class Heard:
    def __init__(self) -> None:
        self.finished: dict[str, str] = {}

    def update(self, source: str, text: str) -> None: ...

    def finish(self, source: str, text: str) -> None:
        self.finished[source] = text


def test_every_source_of_the_model_has_one_collector_in_the_order_of_the_report():
    assert [collector.source for collector in ALL] == list(sources.ALL)


def test_a_failed_read_stops_no_other_source(aws):
    aws.refuses("kms:DescribeKey")
    aws.answers("kms:GetKeyRotationStatus", {"KeyRotationEnabled": True})
    aws.answers("kms:ListKeyRotations", {"Rotations": [{}]})
    heard = Heard()
    facts = collect(aws.door, aws.job(progress=heard), only=(sources.KEY, sources.ROTATION, sources.ROTATIONS))

    assert {name: type(fact) for name, fact in facts.items()} == {"key": Missing, "rotation": Have, "rotations": Have}
    assert heard.finished == {
        "key": "not collected: kms:DescribeKey, AccessDeniedException",
        "rotation": "1 record, 1 call, complete",
        "rotations": "1 record, 1 call, complete",
    }


def test_only_the_sources_asked_for_are_read(aws):
    assert collect(aws.door, aws.job(), only=()) == {}
    assert aws.door.exchanges == []
