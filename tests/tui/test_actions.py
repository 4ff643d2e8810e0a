"""The registry: no clashes, remapping by id, one source for help and key table."""

from __future__ import annotations

import pytest

from crmdeck.tui.dialogs import choose, confirm, prompt  # noqa: F401 - declares actions
from crmdeck.tui.keys import actions
from crmdeck.tui.panes.audit.pane import AuditPane
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.screens import main  # noqa: F401 - declares actions


@pytest.fixture(autouse=True)
def _all_panes() -> None:
    for spec in PANES:
        spec.load()


def test_no_key_does_two_things_in_one_place() -> None:
    assert not actions.clashes({})


def test_pane_keys_clash_with_no_action() -> None:
    taken = {key for action in actions.actions() for key in action.keys}
    assert not taken & {spec.key for spec in PANES}


ONE_MEANING = {
    "A": ("drift.acknowledge_all", "mapping.accept_all"),
    "a": ("drift.acknowledge", "health.accept", "mapping.accept"),
    "c": ("drift.reopen", "health.reopen", "mapping.clear", "audit.undo"),
    "asterisk": ("drift.everywhere", "audit.everywhere", "schema.all"),
    "equals_sign": ("schema.compare", "drift.compare"),
    "f": ("health.next_step", "drift.repair", "mapping.repair"),
    "n": ("drift.next", "health.next", "mapping.next"),
    "v": ("drift.values", "mapping.values", "schema.values"),
    "Z": ("drift.fold_all", "health.fold_all"),
    "z": ("drift.fold", "health.fold"),
}
"""The actions that share a key, since it means the same in each of the panes."""

OUT = {"escape", "tab"}


def test_a_key_means_the_same_in_every_pane() -> None:
    scopes = {spec.load().SCOPE for spec in PANES} | {actions.EVERYWHERE, "table"}
    by_key: dict[str, set[str]] = {}
    for action in actions.actions():
        if actions.scope_of(action) in scopes:
            for key in action.keys:
                by_key.setdefault(key, set()).add(action.id)
    shared = {key: ids for key, ids in by_key.items() if len(ids) > 1 and key not in OUT}
    assert shared == {key: set(ids) for key, ids in ONE_MEANING.items()}


KEYS = (
    *("j", "k", "g", "G", "pageup", "pagedown", "left", "right", "enter", "escape", "tab"),
    *("1-5", "left_square_bracket", "right_square_bracket", "n"),
    *("slash", "full_stop", "s", "space", "asterisk", "z", "Z"),
    *("f", "a", "A", "c", "x", "X", "u", "U"),
    *("d", "v", "p", "P", "M", "at", "equals_sign", "o"),
    *("r", "ctrl+n", "e", "y", "ctrl+k", "question_mark", "q", "ctrl+z"),
)
"""The keys of panes. A rare action has none: it is in a menu and in go to anything."""

ALIASES = {"down", "up", "home", "end", "f1", "colon", "ctrl+p"}


def test_panes_have_46_keys() -> None:
    scopes = {spec.load().SCOPE for spec in PANES}
    scopes |= {actions.EVERYWHERE, "table", "mapping rows", "text", "sidebar", "filter"}
    known = {
        key for one in actions.actions() if actions.scope_of(one) in scopes for key in one.keys
    }
    assert known | {"1-5"} == {*KEYS, *ALIASES}
    assert [spec.key for spec in PANES] == list("12345")
    assert len(set(KEYS)) == 46


def test_help_shows_every_sentence_whole_in_80_columns() -> None:
    # In 80 columns, help shows so many cells of a sentence.
    assert [one.sentence for one in actions.actions() if len(one.sentence) > 54] == []


def test_no_two_actions_have_one_id() -> None:
    hosts = _subclasses(actions.ActionHost)
    ids = [action.id for host in hosts for action in host.__dict__.get("ACTIONS", ())]
    assert sorted(ids) == sorted(set(ids))


class Commands:
    def why_not(self) -> str | None:
        return "Not now."

    @actions.action("one.second", "Second", "b", help="Do the second thing.", blocked=why_not)
    @actions.action("one.third", "Third", "c", "d", hint=5)
    def second(self) -> str:
        return "done"

    @actions.action("one.first", "First", "a", writes=True)
    def first(self) -> None:
        pass


def test_actions_are_declared_beside_their_methods() -> None:
    second, third, first = actions.actions_of(Commands)
    assert [action.id for action in (second, third, first)] == [
        "one.second",
        "one.third",
        "one.first",
    ]
    assert (second.help, second.keys, third.keys) == ("Do the second thing.", ("b",), ("c", "d"))
    assert second.run(Commands()) == third.run(Commands()) == "done"
    assert second.blocked(Commands()) == "Not now."
    assert first.blocked(Commands()) is None
    assert (first.writes, second.writes, third.hint) == (True, False, 5)


class OtherCommands(Commands):
    def second(self) -> str:
        return "overridden"


def test_an_action_runs_the_override_of_its_method() -> None:
    second = actions.actions_of(Commands)[0]
    assert second.run(OtherCommands()) == "overridden"


def test_a_host_has_the_actions_of_its_methods() -> None:
    declared = actions.actions_of(AuditPane)
    assert declared
    assert declared == AuditPane.ACTIONS
    assert set(declared) <= set(actions.actions())


def test_a_key_map_is_checked() -> None:
    assert actions.check_keymap({"view.filter": "ctrl+g"}) == ()
    for name in ("y", "Y", "f7", "shift+f3", "ctrl+pagedown", "slash", "semicolon"):
        assert actions.is_key(name), name
    for name in ("slassh", "control+x", "ctrl+", "", "esc", "del", "ctrl+bs"):
        assert not actions.is_key(name), name
    (unreachable,) = actions.check_keymap({"view.copy": "slassh"})
    assert unreachable == "no key named 'slassh', used for view.copy"
    problems = actions.check_keymap({"view.filter": "q", "no.such": "x"})
    assert any("no.such" in problem for problem in problems)
    assert any("view.filter" in problem and "app.quit" in problem for problem in problems)


def _subclasses(kind: type[object]) -> set[type[object]]:
    found: set[type[object]] = {kind}
    for each in kind.__subclasses__():
        found |= _subclasses(each)
    return found
