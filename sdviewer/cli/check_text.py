"""What `check` has found, as a letter to people and as a document for scripts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from sdviewer.analysis.checkup import Checkup
from sdviewer.analysis.health import Finding, Severity
from sdviewer.analysis.health_rules import Rule
from sdviewer.checkpoint.document import GlobalUse
from sdviewer.checkpoint.json_text import SCHEMA, to_json
from sdviewer.checkpoint.wording import PROBLEM_MARKS, bytes_for_people, label_of, plural, shown

_MARKS = {
    Severity.ERROR: PROBLEM_MARKS["error"],
    Severity.WARNING: PROBLEM_MARKS["warning"],
    Severity.NOTE: PROBLEM_MARKS["info"],
}
_NAMES = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_CHANNELS_TOLD = 8
_LINE = 100
_ROWS_A_PIECE = 1_000


def letter(checkup: Checkup, limit: int | None) -> Iterator[str]:
    """The verdict, then what it rests on; at most `limit` findings of each rule, None for all."""
    checkpoint = checkup.checkpoint
    yield shown(checkpoint.path)
    yield f"  {_verdict(checkup)}"
    yield f"  {_examined(checkup)}"
    yield from _findings(checkup, limit)
    yield from _problems(checkup, limit)
    yield from _safety(checkup, limit)


def _verdict(checkup: Checkup) -> str:
    health = checkup.health
    counts = [
        plural(health.count(severity), one)
        for severity, one in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.NOTE, "note"))
        if health.count(severity)
    ]
    values = f" in the values: {', '.join(counts)}" if counts else ""
    if checkup.verdict == "healthy":
        return f"Healthy.{' Worth knowing' + values + '.' if values else ''}"
    parts = []
    if health.verdict != "healthy":
        parts.append(f"findings{values}")
    if not checkup.is_whole:
        parts.append("the file itself has problems")
    return f"Not healthy: {'; '.join(parts)}."


def _examined(checkup: Checkup) -> str:
    checkpoint, archives = checkup.checkpoint, checkup.archives
    text = f"{plural(checkup.health.examined, 'tensor')} examined, {bytes_for_people(checkpoint.file_bytes)}"
    if archives.checked:
        text += f"; {plural(archives.checked, 'archive entry', 'archive entries')} compared with their checksums"
    if archives.unchecked:
        text += f"; {plural(archives.unchecked, 'entry has', 'entries have')} none that could be compared"
    return text


def _findings(checkup: Checkup, limit: int | None) -> Iterator[str]:
    health = checkup.health
    for severity in sorted(Severity, reverse=True):
        for rule, hits in health.hits:
            count = int(np.count_nonzero(hits.severity == severity))
            if not count:
                continue
            yield ""
            yield f"{_MARKS[severity]} {rule.title}: {plural(count, 'tensor')}"
            yield from (f"  {line}" for line in textwrap.wrap(rule.reason, _LINE))
            for finding in islice(health.findings_of(rule, severity), limit):
                yield f"    {label_of(finding.where)}: {finding.message}{_channels(finding)}"
            if limit is not None and count > limit:
                yield f"    … {count - limit:,} more, --all shows them"


def _channels(finding: Finding) -> str:
    if not finding.channels:
        return ""
    told = ", ".join(f"{channel}" for channel in finding.channels[:_CHANNELS_TOLD])
    more = " …" if len(finding.channels) > _CHANNELS_TOLD else ""
    return f" (index {told}{more})" if len(finding.channels) == 1 else f" (indices {told}{more})"


def _problems(checkup: Checkup, limit: int | None) -> Iterator[str]:
    problems, duplicates = checkup.problems, checkup.checkpoint.duplicates
    shards = [shard for shard in checkup.checkpoint.shards if shard.status != "ok"]
    yield ""
    if not problems and not duplicates and not shards:
        yield "The file: nothing is missing, damaged or there twice."
        return
    yield "The file:"
    lines = [
        f"{PROBLEM_MARKS[problem.severity]} {problem.kind}: {shown(problem.message)}"
        + (f" [{shown(problem.where)}]" if problem.where else "")
        for problem in problems
    ]
    warning = PROBLEM_MARKS["warning"]
    lines += [f"{warning} hidden by another of its name: {shown(entry.name)}" for entry in duplicates]
    lines += [f"{warning} {shown(shard.file)} is {shard.status}" for shard in shards]
    for line in islice(lines, limit):
        yield f"    {line}"
    if limit is not None and len(lines) > limit:
        yield f"    … {len(lines) - limit:,} more, --all shows them"


def _safety(checkup: Checkup, limit: int | None) -> Iterator[str]:
    uses = checkup.checkpoint.globals
    yield ""
    if not uses:
        yield "Safety: it names no globals; loading it runs no code of its own."
        return
    dangerous, unknown = (_of_class(uses, klass) for klass in ("dangerous", "unknown"))
    known = len(uses) - len(dangerous) - len(unknown)
    if not dangerous and not unknown:
        yield f"Safety: its pickles name {plural(known, 'global')}, all known to be harmless."
        return
    yield f"Safety: its pickles name {plural(len(uses), 'global')}; none was imported or called here."
    for mark, names, text in (
        (PROBLEM_MARKS["error"], dangerous, "dangerous: torch.load without weights_only would run"),
        (PROBLEM_MARKS["info"], unknown, "unknown: torch.load without weights_only would import"),
    ):
        for name in islice(names, limit):
            yield f"    {mark} {text} {shown(name)}"
        if limit is not None and len(names) > limit:
            yield f"    … {len(names) - limit:,} more, --all shows them"


def _of_class(uses: tuple[GlobalUse, ...], klass: str) -> list[str]:
    return [use.name for use in uses if use.klass == klass]


def json_pieces(checkup: Checkup) -> Iterator[str]:
    """The document, to be written one piece after the other."""
    checkpoint, health = checkup.checkpoint, checkup.health
    head: dict[str, Any] = {
        "path": checkpoint.path,
        "format": checkpoint.format,
        "verdict": checkup.verdict,
        "examined": health.examined,
        "counts": {_NAMES[severity]: health.count(severity) for severity in sorted(Severity, reverse=True)},
        "checksums": {"checked": checkup.archives.checked, "unchecked": checkup.archives.unchecked},
    }
    yield f'{{"schema": {SCHEMA}'
    for name, value in head.items():
        yield f", {to_json(name)}: {to_json(value)}"
    yield ',\n"findings": ['
    separator = "\n"
    findings = health.findings()
    while rows := [to_json(_as_json(finding)) for finding in islice(findings, _ROWS_A_PIECE)]:
        yield separator + ",\n".join(rows)
        separator = ",\n"
    yield "]"
    for name, value in _rest(checkup):
        yield f",\n{to_json(name)}: {to_json(value)}"
    yield "}\n"


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": _NAMES[finding.severity],
        "message": finding.message,
        "where": finding.where,
        "channels": list(finding.channels),
        "value": finding.value,
        "threshold": finding.threshold,
    }


def _rest(checkup: Checkup) -> Iterator[tuple[str, Any]]:
    checkpoint = checkup.checkpoint
    yield "rules", [_rule(rule) for rule, _ in checkup.health.hits]
    yield (
        "problems",
        [
            {"kind": problem.kind, "severity": problem.severity, "message": problem.message, "where": problem.where}
            for problem in checkup.problems
        ],
    )
    yield "duplicates", [{"name": entry.name, "where": entry.where} for entry in checkpoint.duplicates]
    yield (
        "shards",
        [
            {"file": shard.file, "tensors": shard.tensors, "bytes": shard.nbytes, "status": shard.status}
            for shard in checkpoint.shards
        ],
    )
    yield "globals", [{"name": use.name, "class": use.klass} for use in checkpoint.globals]


def _rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "title": rule.title, "reason": rule.reason, "threshold": rule.threshold, "limit": rule.limit}
