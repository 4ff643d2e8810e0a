"""The registry of actions: key bindings, footer, help, key table and go to anything come from it.

A widget or screen with keys mixes in `ActionHost`. An `@action` beside a method declares what
runs it. Users can remap keys by the id of an action.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable, isfunction
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.keys import REPLACED_KEYS, Keys
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

C = TypeVar("C")
F = TypeVar("F", bound=Callable[..., object])

EVERYWHERE = "everywhere"
"""The scope of actions that work in every place (but not inside a dialog)."""

READ_ONLY = "This workspace is open read-only: nothing can be changed in it."

LAYERED_KEYS = ("escape",)
"""Keys that each place may have a use for: the innermost action that applies has them."""


def always(_commands: Any) -> bool:
    """Apply at any time."""
    return True


def never(_commands: Any) -> str | None:
    """Let nothing stand in the way."""
    return None


@dataclass(frozen=True)
class Action(Generic[C]):
    """One thing that a key does; `C` is the class of the commands that do it.

    `id` is `group.name` and stable. `keys` are Textual key names; the first is the one that
    is shown. `run` is called with the host's commands; it may be a coroutine function. `hint`
    ranks the action in the footer: 0 keeps it out, higher comes first. `palette` lists it in
    go to anything.

    `applies` tells whether the key is this action's at all: while it is false, the key goes on
    to the places around. `blocked` returns None, or the sentence that says why the action can't
    run now: the key is taken and the sentence shown. Both are asked often, with the commands; an
    action that is blocked is not offered. `writes` actions are refused in a read-only workspace.
    Two actions of one host that never apply together may share a key: give each its `mode`.
    `title_now` returns the current title, if it changes.
    """

    id: str
    title: str
    keys: tuple[str, ...]
    run: Callable[[C], object]
    help: str = ""
    hint: int = 0
    applies: Callable[[C], bool] = always
    blocked: Callable[[C], str | None] = never
    writes: bool = False
    palette: bool = True
    priority: bool = False
    mode: str = ""
    title_now: Callable[[C], str] | None = None

    @property
    def group(self) -> str:
        """Return the part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def command(self) -> str:
        """Return how Textual is told to run it on its host."""
        return f"run('{self.id}')"


Actions = tuple[Action[Any], ...]


def action(
    id: str,
    title: str,
    *keys: str,
    help: str = "",
    hint: int = 0,
    applies: Callable[[Any], bool] = always,
    blocked: Callable[[Any], str | None] = never,
    writes: bool = False,
    palette: bool = True,
    priority: bool = False,
    mode: str = "",
    title_now: Callable[[Any], str] | None = None,
) -> Callable[[F], F]:
    """Declare an `Action` that runs the decorated method.

    `applies`, `blocked` and `title_now` may be functions defined earlier in the class body. An
    `ActionHost` collects the actions of its own methods. For a class of commands its host has
    `ACTIONS = actions_of(Commands)`. Several actions may run one method.
    """

    def declare(method: F) -> F:
        declared = Action(
            id,
            title,
            keys,
            method,
            help,
            hint,
            applies,
            blocked,
            writes,
            palette,
            priority,
            mode,
            title_now,
        )
        # The decorator nearest to the method runs first, but is read last.
        _DECLARED.setdefault(method, []).insert(0, declared)
        return method

    return declare


def actions_of(cls: type[object]) -> Actions:
    """Return the actions declared by `@action` in the body of `cls`, in its order."""
    methods = (method for method in vars(cls).values() if isfunction(method))
    return tuple(action for method in methods for action in _DECLARED.get(method, ()))


_DECLARED: dict[Callable[..., object], list[Action[Any]]] = {}


class Refused(Message):
    """Bubbles up to the application: a key was pressed whose action can't run now."""

    def __init__(self, action: Action[Any], reason: str) -> None:
        super().__init__()
        self.action, self.reason = action, reason


if TYPE_CHECKING:
    _Host = Widget
else:
    _Host = object


class ActionHost(_Host):
    """Mixin for widgets and screens: turns their actions into Textual bindings.

    They are `ACTIONS`, followed by those declared by `@action` in the body of the class.
    `SCOPE` names the place in help and key table. `WITHIN` names the scopes whose keys work at
    the same time as those of this host. `WITHOUT` names inherited actions that a subclass does
    otherwise. `commands` is what actions run on; a host that sets none acts itself.
    """

    ACTIONS: ClassVar[Actions] = ()
    SCOPE: ClassVar[str] = EVERYWHERE
    WITHIN: ClassVar[tuple[str, ...]] = ()
    WITHOUT: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = []

    commands: Any
    read_only: bool = False
    """Whether `writes` actions are refused here and in all that stands inside."""

    def __init_subclass__(cls, **options: Any) -> None:
        own = (*cls.__dict__.get("ACTIONS", ()), *actions_of(cls))
        if own:
            cls.ACTIONS = own
            cls.BINDINGS = [_binding(action) for action in own]
            _REGISTRY.update((action.id, action) for action in own)
            _SCOPES.update((action.id, cls.SCOPE) for action in own)
            _OWNERS.update((action.id, f"{cls.__module__}.{cls.__qualname__}") for action in own)
            _WITHIN.setdefault(cls.SCOPE, cls.WITHIN)
        super().__init_subclass__(**options)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell Textual whether a key is to be taken here."""
        if action != "run":
            return True
        known = _REGISTRY[str(parameters[0])]
        return known.id not in self.WITHOUT and known.applies(self._commands)

    async def action_run(self, id: str) -> None:
        """Run an action, or tell why it can't run now: the one way of every key."""
        action = _REGISTRY[id]
        reason = self.blocked(action)
        if reason is not None:
            self.post_message(Refused(action, reason))
            return
        done = action.run(self._commands)
        if isawaitable(done):
            await done

    def blocked(self, action: Action[Any]) -> str | None:
        """Return why `action` can't run now, or None."""
        if action.writes:
            hosts = (node for node in self.ancestors_with_self if isinstance(node, ActionHost))
            for host in hosts:
                if (reason := host.refuses_writes()) is not None:
                    return reason
        return action.blocked(self._commands)

    def refuses_writes(self) -> str | None:
        """Return why nothing can be changed here, nor in what stands inside; None where it can."""
        return READ_ONLY if self.read_only else None

    @property
    def _commands(self) -> Any:
        return getattr(self, "commands", self)


_REGISTRY: dict[str, Action[Any]] = {}
_SCOPES: dict[str, str] = {}
_OWNERS: dict[str, str] = {}
_WITHIN: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Offer:
    """An action that can be run on `host`, under `keys` (remapped ones included).

    `refused` says why it can't be run just now; it is empty where it can.
    """

    action: Action[Any]
    keys: tuple[str, ...]
    host: Any
    refused: str = ""

    @property
    def title(self) -> str:
        """What it is called now."""
        title_now, commands = self.action.title_now, getattr(self.host, "commands", self.host)
        return self.action.title if title_now is None else title_now(commands)


@dataclass(frozen=True)
class Clash:
    """Two actions that one key would run."""

    key: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{key_label(self.key)} runs both {self.first} and {self.second}"


def actions() -> tuple[Action[Any], ...]:
    """Return every action of the modules imported so far, in order of declaration."""
    return tuple(_REGISTRY.values())


def scope_of(action: Action[Any]) -> str:
    """Return the scope of the host that declared `action`."""
    return _SCOPES[action.id]


def offers(screen: Screen[Any], *, refused: bool = False) -> tuple[Offer, ...]:
    """Return what can be done on `screen` now, innermost first.

    With `refused` there is also what has a key here and can't be done just now, with the reason.
    """
    found: dict[str, Offer] = {}
    for key, (host, binding, enabled, _tooltip) in screen.active_bindings.items():
        action = _REGISTRY.get(binding.id or "")
        if action is None or not enabled:
            continue
        reason = host.blocked(action) if isinstance(host, ActionHost) else None
        if reason is not None and not refused:
            continue
        known = found.get(action.id)
        keys = [*known.keys, key] if known else [key]
        keys.sort(key=lambda one: action.keys.index(one) if one in action.keys else -1)
        found[action.id] = Offer(action, tuple(keys), host, reason or "")
    return tuple(found.values())


def is_shown(host: Widget) -> bool:
    """Return whether a host is still on screen: something else may have come up."""
    return host.is_attached and all(node.display for node in host.ancestors_with_self)


def keys_on(screen: Screen[Any], ids: Iterable[str]) -> dict[str, str]:
    """Return, by id, how the first key of each action is written; what has none is left out.

    What is offered depends on where the focus is; what is told does not.
    """
    offered = {offer.action.id: offer.keys[0] for offer in offers(screen, refused=True)}
    declared = {id_: _REGISTRY[id_].keys[0] for id_ in ids if id_ in _REGISTRY}
    return {id_: short_key_label(offered.get(id_, key)) for id_, key in declared.items()}


def check_keymap(keymap: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with a user's key map, a line each: unknown ids, keys, and clashes."""
    unknown = [f"no action is called {id_}" for id_ in keymap if id_ not in _REGISTRY]
    unknown += [
        f"no key is called {key}, for {id_}"
        for id_, keys in keymap.items()
        for key in _split(keys)
        if not is_key(key)
    ]
    return (*unknown, *map(str, clashes(keymap)))


def is_key(name: str) -> bool:
    """Return whether a key can be called `name`: `f`, `F`, `ctrl+t`, `slash`, `pagedown`."""
    *modifiers, key = name.split("+")
    if any(modifier not in _MODIFIERS for modifier in modifiers):
        return False
    named = {known.value for known in Keys} | set(REPLACED_KEYS) | set(_LABELS)
    return len(key) == 1 or key in named or key.upper().replace("_", " ") in _CHARACTER_NAMES


def clashes(keymap: Mapping[str, str] | None = None) -> tuple[Clash, ...]:
    """Return the pairs of actions that share a key in places where both work."""
    keys = {action.id: keys_of(action, keymap or {}) for action in actions()}
    found = []
    for index, first in enumerate(actions()):
        for second in actions()[index + 1 :]:
            if not _meet(first, second):
                continue
            layered = LAYERED_KEYS if scope_of(first) != scope_of(second) else ()
            shared = [
                key for key in keys[first.id] if key in keys[second.id] and key not in layered
            ]
            found += [Clash(key, first.id, second.id) for key in shared]
    return tuple(found)


def key_table(keymap: Mapping[str, str] | None = None) -> str:
    """Return the key table of `docs/keys.md`, in Markdown, one section a scope.

    What works everywhere comes first, then the places by name: whatever was imported when.
    """
    lines: list[str] = []
    for scope in sorted(set(_SCOPES.values()), key=lambda one: (one != EVERYWHERE, one)):
        lines += [f"### {scope.capitalize()}", "", "| key | what it does |", "|---|---|"]
        for action in sorted(actions(), key=lambda one: _OWNERS[one.id]):
            if scope_of(action) == scope:
                keys = " ".join(f"`{key_label(key)}`" for key in keys_of(action, keymap or {}))
                lines.append(f"| {keys} | {action.help or action.title} |")
        lines.append("")
    return "\n".join(lines)


def key_label(key: str) -> str:
    """Return how people write a key: `question_mark` is `?`, `ctrl+p` is `Ctrl+P`."""
    *modifiers, name = key.split("+")
    label = _LABELS.get(name, name.upper() if _FUNCTION_KEY.fullmatch(name) else name)
    if modifiers:
        return "+".join([*(word.capitalize() for word in modifiers), label.upper()])
    return label


def short_key_label(key: str) -> str:
    """Return how a footer writes a key: `ctrl+k` is `^K`."""
    return key_label(key).replace("Ctrl+", "^")


_MODIFIERS = ("ctrl", "shift", "alt", "super", "hyper", "meta")
_CHARACTER_NAMES = frozenset(unicodedata.name(chr(code)) for code in range(0x20, 0x7F))
_FUNCTION_KEY = re.compile(r"f\d+")
_LABELS = {
    "question_mark": "?",
    "slash": "/",
    "space": "Space",
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "underscore": "_",
    "colon": ":",
    "minus": "-",
    "full_stop": ".",
    "comma": ",",
    "exclamation_mark": "!",
    "asterisk": "*",
    "equals_sign": "=",
    "backslash": "\\",
    "backspace": "Backspace",
}


def _binding(action: Action[Any]) -> Binding:
    return Binding(
        ",".join(action.keys),
        action.command,
        action.title,
        show=False,
        id=action.id,
        priority=action.priority,
    )


def keys_of(action: Action[Any], keymap: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of `action`, those of the key map where it names it."""
    override = keymap.get(action.id)
    return _split(override) if override else action.keys


def _split(keys: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.split(",") if key.strip())


def _meet(first: Action[Any], second: Action[Any]) -> bool:
    one, other = scope_of(first), scope_of(second)
    if one == other:
        return not (first.mode and second.mode and first.mode != second.mode)
    return one in _reach(other) or other in _reach(one)


def _reach(scope: str) -> Iterable[str]:
    for name in _WITHIN.get(scope, ()):
        yield name
        yield from _reach(name)
