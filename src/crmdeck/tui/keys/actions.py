"""The registry of actions: key bindings, footer, help, key table and go to anything come from it.

A widget or screen with keys mixes in `ActionHost`. An `@action` beside a method declares what
runs it. Users can remap keys by the id of an action.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable, isfunction
from itertools import chain
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.binding import Binding, BindingsMap, BindingType
from textual.dom import DOMNode
from textual.keys import REPLACED_KEYS, Keys, format_key, key_to_character
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

F = TypeVar("F", bound=Callable[..., object])

EVERYWHERE = "everywhere"
"""The scope of actions that work everywhere but in dialogs."""

READ_ONLY = "This workspace is open read-only. Nothing can be changed."

ACTION = "action"
"""Key in the meta of a cell for the action that a click on it runs."""

UNBOUND = "unbound-"
"""Start of the name of the key, which no keyboard has, of an action without a key.

Go to anything, menus and the key map of a user run such an action.
"""

LAYERED_KEYS = ("escape",)
"""Keys that several scopes may use at a time: the innermost action that applies gets them."""


def always(_commands: object) -> bool:
    return True


def never(_commands: object) -> str | None:
    return None


@dataclass(frozen=True)
class Action:
    """What a key does.

    `id` is `group.name` and never changes. `keys` are Textual's names of keys; the first one is
    shown. Without keys it runs from go to anything, a menu or the key map of a user. `run` gets the
    host's commands, and may be a coroutine function. `title` is a label of 1 to 3 words, `help` a
    sentence. `hint` ranks the action in the footer, higher first; 0 leaves it out. `palette` lists
    it in go to anything.

    While `applies` is false, the key belongs to the widgets around the host. `blocked` returns a
    sentence if the action can't run now: the key then shows it. Both are called often.
    `writes` actions are blocked in a read-only workspace. Two actions of one host that never
    apply together may share a key if each has its own `mode`. `title_now` returns the title if it
    changes. A `priority` key works before the focused widget gets it.
    """

    id: str
    title: str
    keys: tuple[str, ...]
    run: Callable[[Any], object]
    help: str = ""
    hint: int = 0
    applies: Callable[[Any], bool] = always
    blocked: Callable[[Any], str | None] = never
    writes: bool = False
    palette: bool = True
    priority: bool = False
    mode: str = ""
    title_now: Callable[[Any], str] | None = None

    @property
    def sentence(self) -> str:
        """What the action does, for help and the key table."""
        return self.help or f"{self.title}."

    @property
    def group(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def command(self) -> str:
        """The action string for Textual, which runs it on the host."""
        return f"run('{self.id}')"


Actions = tuple[Action, ...]


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
    """Declare an `Action` that runs the decorated method, or an override of it.

    `applies`, `blocked` and `title_now` may be functions defined earlier in the class body. An
    `ActionHost` collects the actions of its own methods. For classes of commands its host has
    `ACTIONS = actions_of(Commands, ...)`. Several actions may run one method.
    """

    def declare(method: F) -> F:
        declared = Action(
            id,
            title,
            keys,
            methodcaller(method.__name__),
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


def actions_of(*classes: type[object]) -> Actions:
    """Return the actions declared by `@action` in the bodies of the classes, in their order."""
    found: list[Action] = []
    for cls in classes:
        methods = (method for method in vars(cls).values() if isfunction(method))
        own = [action for method in methods for action in _DECLARED.get(method, ())]
        _RUNS_ON.update((action.id, cls) for action in own)
        found += own
    return tuple(found)


_RUNS_ON: dict[str, type[object]] = {}
_DECLARED: dict[Callable[..., object], list[Action]] = {}


@dataclass
class Refused(Message):
    """A key was pressed whose action can't run now; the application shows the reason."""

    reason: str


@dataclass
class RunAction(Message):
    """A click or a menu runs an action, by its ID, wherever the focus is."""

    action_id: str


if TYPE_CHECKING:
    _Host = Widget
else:
    _Host = object


class ActionHost(_Host):
    """Mixin for widgets and screens: turns their actions into Textual bindings.

    They are `ACTIONS`, followed by those declared by `@action` in the body of the class.
    `SCOPE` names the host in help and key table. `WITHIN` are the other scopes whose keys work at
    the same time, `WITHOUT` the ids of inherited actions that don't apply. An action runs on the
    one of `commands` whose class declares it, or on the host itself.
    """

    ACTIONS: ClassVar[Actions] = ()
    SCOPE: ClassVar[str] = EVERYWHERE
    WITHIN: ClassVar[tuple[str, ...]] = ()
    WITHOUT: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = []

    commands: Any = ()
    """An object, or several."""
    read_only: bool = False
    """True to block `writes` actions here and in all widgets inside."""

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
        # Textual's own actions, such as those of an input.
        if action != "run":
            return True
        known = _REGISTRY[str(parameters[0])]
        return known.id not in self.WITHOUT and known.applies(self.runner_of(known))

    def can_run(self, id: str) -> bool:
        """True if the action is one of this host, and applies."""
        declared = (one for cls in type(self).__mro__ for one in vars(cls).get("ACTIONS", ()))
        return any(one.id == id for one in declared) and bool(self.check_action("run", (id,)))

    async def action_run(self, id: str) -> None:
        """Run an action, or show why it can't run now. Every key comes here."""
        action = _REGISTRY[id]
        reason = self.blocked(action)
        if reason is not None:
            self.post_message(Refused(reason))
            return
        done = action.run(self.runner_of(action))
        if isawaitable(done):
            await done

    def blocked(self, action: Action) -> str | None:
        """Return why `action` can't run now, or None."""
        if action.writes:
            # The screen may be read-only, and the pane may show a connection that was left.
            hosts = (node for node in self.ancestors_with_self if isinstance(node, ActionHost))
            for host in hosts:
                if (reason := host.refuses_writes()) is not None:
                    return reason
        return action.blocked(self.runner_of(action))

    def refuses_writes(self) -> str | None:
        """Return why nothing can be changed here and in the widgets inside, or None."""
        return READ_ONLY if self.read_only else None

    def runner_of(self, action: Action) -> object:
        """Return the object that an action runs on."""
        cls = _RUNS_ON.get(action.id, type(self))
        commands = self.commands if isinstance(self.commands, tuple) else (self.commands,)
        return next((one for one in commands if isinstance(one, cls)), self)


_REGISTRY: dict[str, Action] = {}
_SCOPES: dict[str, str] = {}
_OWNERS: dict[str, str] = {}
_WITHIN: dict[str, tuple[str, ...]] = {}


def add_action(host: ActionHost, action: Action) -> None:
    """Bind an action to its keys on one host, besides those of its class."""
    _REGISTRY[action.id] = action
    _SCOPES[action.id] = host.SCOPE
    _OWNERS[action.id] = action.id
    # `BindingsMap.bind` takes no id, but the key map and `offers` need it.
    host._bindings = BindingsMap(
        [*chain(*host._bindings.key_to_bindings.values()), _binding(action)]
    )


@dataclass(frozen=True)
class Offer:
    """An action of `host` with its current keys; `refused` is why it can't run now, or empty."""

    action: Action
    keys: tuple[str, ...]
    host: DOMNode
    refused: str = ""

    @property
    def title(self) -> str:
        action, host = self.action, self.host
        if action.title_now is None or not isinstance(host, ActionHost):
            return action.title
        return action.title_now(host.runner_of(action))


def actions() -> tuple[Action, ...]:
    """Return the actions of all modules imported so far, in order of declaration."""
    return tuple(_REGISTRY.values())


def scope_of(action: Action) -> str:
    """Return the scope of the host that declared `action`."""
    return _SCOPES[action.id]


def offers(screen: Screen[Any], *, refused: bool = False) -> tuple[Offer, ...]:
    """Return the actions that can run on `screen` now, innermost first.

    `refused` includes those with a key that can't run now.
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
        keys = [*(known.keys if known else ()), *([] if key.startswith(UNBOUND) else [key])]
        # The keys of a user's key map aren't among those of the action, and come first.
        keys.sort(key=lambda one: action.keys.index(one) if one in action.keys else -1)
        found[action.id] = Offer(action, tuple(keys), host, reason or "")
    return tuple(found.values())


def is_shown(host: DOMNode) -> bool:
    """True if a host is still on screen."""
    return host.is_attached and all(node.display for node in host.ancestors_with_self)


def keys_on(screen: Screen[Any], ids: Iterable[str]) -> dict[str, str]:
    """Return the label of the first key of each action, by id; unknown ids are left out.

    An action that isn't offered where the focus is has the first key of its declaration.
    """
    offered = {offer.action.id: offer.keys for offer in offers(screen, refused=True)}
    found = {id_: offered.get(id_) or _REGISTRY[id_].keys for id_ in ids if id_ in _REGISTRY}
    return {id_: short_key_label(keys[0]) for id_, keys in found.items() if keys}


def check_keymap(keymap: Mapping[str, str]) -> tuple[str, ...]:
    """Return the problems of a user's key map: unknown ids, unknown keys, and clashes."""
    unknown = [f"no action named '{id_}'" for id_ in keymap if id_ not in _REGISTRY]
    unknown += [
        f"no key named '{key}', used for {id_}"
        for id_, keys in keymap.items()
        for key in _split(keys)
        if not is_key(key)
    ]
    return (*unknown, *clashes(keymap))


def is_key(name: str) -> bool:
    """True if `name` names a key: `f`, `F`, `ctrl+t`, `slash`, `pagedown`."""
    *modifiers, key = name.split("+")
    if any(modifier not in _MODIFIERS for modifier in modifiers):
        return False
    # Textual names keys, replaces some names, and knows other characters by those of Unicode. That
    # has names for control characters, too, such as `esc` and `del`, which Textual never sends.
    named = {known.value for known in Keys} | set(REPLACED_KEYS)
    return key in named or (key_to_character(key) or "\0").isprintable()


def clashes(keymap: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each key that two actions have which can apply at the same time."""
    keys = {action.id: keys_of(action, keymap) for action in actions()}
    found = []
    # Every pair once: a few hundred actions, and only when a key map or the docs are checked.
    for index, first in enumerate(actions()):
        for second in actions()[index + 1 :]:
            if not _meet(first, second):
                continue
            layered = LAYERED_KEYS if scope_of(first) != scope_of(second) else ()
            found += [
                f"{key_label(key)} runs both {first.id} and {second.id}"
                for key in keys[first.id]
                if key in keys[second.id] and key not in layered
            ]
    return tuple(found)


def key_label(key: str) -> str:
    """Return the label of a key: `question_mark` is `?`, `ctrl+p` is `Ctrl+P`."""
    *modifiers, name = key.split("+")
    label = name.upper() if _FUNCTION_KEY.fullmatch(name) else _LABELS.get(name, format_key(name))
    if modifiers:
        return "+".join([*(word.capitalize() for word in modifiers), label.upper()])
    return label


def short_key_label(key: str) -> str:
    """Return the label of a key in the footer: `ctrl+k` is `^K`."""
    return key_label(key).replace("Ctrl+", "^")


_MODIFIERS = ("ctrl", "shift", "alt", "super", "hyper", "meta")
_FUNCTION_KEY = re.compile(r"f\d+")
_LABELS = {
    "space": "Space",
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "backspace": "Backspace",
    "delete": "Del",
}
"""Labels as they are on keyboards, where Textual has others; it knows those of characters."""


def _binding(action: Action) -> Binding:
    return Binding(
        ",".join(action.keys) or f"{UNBOUND}{action.id}",
        action.command,
        action.title,
        show=False,
        id=action.id,
        priority=action.priority,
    )


def keys_of(action: Action, keymap: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of `action`: those of the key map, else its own."""
    override = keymap.get(action.id)
    return _split(override) if override else action.keys


def _split(keys: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in keys.split(",") if key.strip())


def _meet(first: Action, second: Action) -> bool:
    one, other = scope_of(first), scope_of(second)
    if one == other:
        return not (first.mode and second.mode and first.mode != second.mode)
    return one in _reach(other) or other in _reach(one)


def _reach(scope: str) -> Iterable[str]:
    for name in _WITHIN.get(scope, ()):
        # A scope may name itself: all dialogs are within that of their base class.
        if name != scope:
            yield name
            yield from _reach(name)
