"""The command that does what a plan does."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from sdviewer.edit.exporting import target_kind
from sdviewer.edit.plan import ExportPlan, Options, source_of
from sdviewer.edit.rules import (
    AddPrefix,
    CastTo,
    Exclude,
    Include,
    Rename,
    RenameKeys,
    ReplacePrefix,
    Rule,
    Sort,
    StripPrefix,
    Template,
)
from sdviewer.ui.export.sources import CannotSay, selected_by_rules
from sdviewer.ui.translating import tr

# A longer table belongs into a recipe.
_MOST_KEYS = 50


def command_of(plan: ExportPlan, target: str) -> str:
    """`sdviewer export …` for a shell. What only a recipe can hold is taken from one, `recipe.toml`.

    Raises:
        CannotSay: no command exports these tensors.

    """
    options = plan.options
    said = target_kind(target, sharded=options.target == "sharded")
    if said != options.target:
        raise CannotSay(
            "the name of the file does not say what it is",
            file=target,
            hint=tr("give it the ending of {target}", target=options.target),
        )
    words = ["sdviewer", "export", plan.source.checkpoint.path, target, *_source(plan)]
    try:
        said_by = [*_rules(plan.rules), *_options(options)]
    except CannotSay:
        # The rules of a recipe come first, so it holds what was selected, too.
        words = words[:4] if plan.source.side.section is None else words
        said_by = ["--recipe=recipe.toml"]
        if options.target == "sharded":
            said_by.append(f"--shard-size={options.shard_bytes}")
    return shlex.join([*words, *said_by])


def _source(plan: ExportPlan) -> Iterator[str]:
    source = plan.source
    side, checkpoint = source.side, source.checkpoint
    usual = source_of(checkpoint)
    if side.section is not None:
        is_usual = (side.section, source.container, len(source.others)) == (
            usual.side.section,
            usual.container,
            len(usual.others),
        )
        if not is_usual:
            yield f"--section={side.section.name}"
        return
    section, rules = selected_by_rules(side)
    yield f"--section={section}"
    yield from _rules(rules)


def _rules(rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        if not rule.enabled:
            continue
        match rule:
            case Include(filter=text):
                yield f"--include={text}"
            case Exclude(filter=text):
                yield f"--exclude={text}"
            case StripPrefix(prefix=prefix):
                yield f"--strip-prefix={prefix}"
            case AddPrefix(prefix=prefix):
                yield f"--add-prefix={prefix}"
            case ReplacePrefix(old=old, new=new):
                yield _renaming("^" + re.escape(old), _literally(new))
            case Rename(pattern=pattern, replacement=replacement):
                yield _renaming(pattern, replacement)
            case Template():
                whole, form = rule.regex()
                yield _renaming(f"^(?:{whole.pattern})\\Z", form)
            case RenameKeys(keys=keys):
                yield from _by_hand(keys)
            case CastTo(dtype=dtype, filter=text):
                yield f"--cast={dtype}:{text}" if text else f"--cast={dtype}"
            case Sort():
                raise CannotSay("no option sorts")


def _by_hand(keys: Sequence[tuple[str, str]]) -> Iterator[str]:
    olds = {old for old, _ in keys}
    # One after the other they would rename what the one before has named.
    if len(keys) > _MOST_KEYS or any(new in olds for _, new in keys):
        raise CannotSay("the table of names is too long")
    for old, new in keys:
        yield _renaming(f"^{re.escape(old)}\\Z", _literally(new))


def _renaming(pattern: str, replacement: str) -> str:
    if "=>" in pattern:
        raise CannotSay("the regex holds what ends it")
    return f"--rename={pattern}=>{replacement}"


def _literally(text: str) -> str:
    return text.replace("\\", "\\\\")


def _options(options: Options) -> Iterator[str]:
    yield from (f"--drop={part}" for part in options.drop)
    if options.wrap:
        yield f"--wrap={options.wrap}"
    if options.unwrap:
        yield "--unwrap"
    if options.ties != "copies":
        yield f"--ties={options.ties}"
    if options.target == "sharded":
        yield f"--shard-size={options.shard_bytes}"
    yield from (f"--metadata={key}={text}" for key, text in options.metadata.items())
