"""A pickle interpreter that can build plain values and nothing else.

Python's own unpickler calls whatever a file names. This one knows the few names that PyTorch and numpy
write for tensors and arrays, runs its own code for each, and refuses every other name. It works without
recursion, never allocates more than the file holds, and keeps no state between files.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ganedit.errors import CheckpointError

MAX_STEPS = 1_000_000  # opcodes; the pickle of a 64-px StyleGAN2 has 14,000, and more layers need more

_CONSTANT = {
    "BININT",
    "BININT1",
    "BININT2",
    "INT",
    "LONG",
    "LONG1",
    "LONG4",
    "BINFLOAT",
    "FLOAT",
    "SHORT_BINUNICODE",
    "BINUNICODE",
    "BINUNICODE8",
    "UNICODE",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
    "SHORT_BINBYTES",
    "BINBYTES",
    "BINBYTES8",
}
_FIXED: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_GET = {"GET", "BINGET", "LONG_BINGET"}
_SMALL_TUPLE = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True, slots=True)
class Name:
    """A global that a pickle mentions: only its name, never the object itself."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Buildable:
    """A stand-in whose state a pickle may set after making it."""

    def build(self, state: Any) -> None:
        raise NotImplementedError


Call = Callable[..., Any]


class Machine:
    """Runs one pickle.

    Args:
        calls: Functions to run when the pickle calls a name. Other names are refused.
        persistent: Turns a persistent id into a value; None refuses them.
        inert: Further names that may be mentioned but not called, such as storage types.
    """

    def __init__(
        self,
        calls: dict[Name, Call],
        inert: Iterable[Name] = (),
        persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        self.calls = calls
        self.inert = frozenset(inert)
        self.persistent = persistent

    def run(self, stream: io.BytesIO) -> Any:
        """The value of the pickle at the stream's position, which moves to its end.

        Raises:
            CheckpointError: the pickle names something that is not allowed, or is too complex.
            ValueError, IndexError, KeyError, TypeError: it is damaged; callers say which file.
        """
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        for step, (opcode, arg, _) in enumerate(pickletools.genops(stream)):
            if step > MAX_STEPS:
                raise CheckpointError(
                    f"the pickle has more than {MAX_STEPS:,} steps", "it is not a checkpoint"
                )
            if opcode.name == "STOP":
                return self.stack.pop()
            self._step(opcode.name, arg)
        raise ValueError("the pickle has no end")

    def _step(self, op: str, arg: Any) -> None:
        stack = self.stack
        if op in _CONSTANT:
            stack.append(arg)
        elif op in _FIXED:
            stack.append(_FIXED[op]())
        elif op in _GET:
            stack.append(self.memo[int(arg)])
        elif op in _PUT:
            self.memo[int(arg)] = stack[-1]
        elif op == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif op in _SMALL_TUPLE:
            stack.append(tuple(self._take(_SMALL_TUPLE[op])))
        else:
            method = getattr(self, f"_op_{op.lower()}", None)
            if method is None:
                raise CheckpointError(f"the pickle uses the instruction {op}", "no checkpoint needs it")
            method(arg)

    def _take(self, count: int) -> list[Any]:
        """Pop `count` values, in the order they were pushed."""
        if count > len(self.stack) - (self.marks[-1] if self.marks else 0):
            raise ValueError("the pickle takes more values off its stack than it put there")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def _take_to_mark(self) -> list[Any]:
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items

    # ---- instructions, each named as in pickletools ----

    def _op_proto(self, arg: int) -> None:
        if arg > 5:
            raise ValueError(f"pickle protocol {arg}")

    def _op_frame(self, arg: int) -> None:
        pass

    def _op_mark(self, arg: None) -> None:
        self.marks.append(len(self.stack))

    def _op_pop(self, arg: None) -> None:
        self._take(1)

    def _op_pop_mark(self, arg: None) -> None:
        self._take_to_mark()

    def _op_dup(self, arg: None) -> None:
        self.stack.append(self.stack[-1])

    def _op_tuple(self, arg: None) -> None:
        self.stack.append(tuple(self._take_to_mark()))

    def _op_list(self, arg: None) -> None:
        self.stack.append(self._take_to_mark())

    def _op_dict(self, arg: None) -> None:
        items = self._take_to_mark()
        self.stack.append({})
        self._set(items)

    def _op_frozenset(self, arg: None) -> None:
        self.stack.append(frozenset(_key(x) for x in self._take_to_mark()))

    def _op_append(self, arg: None) -> None:
        self._extend(self._take(1))

    def _op_appends(self, arg: None) -> None:
        self._extend(self._take_to_mark())

    def _op_additems(self, arg: None) -> None:
        items = self._take_to_mark()
        _expect(self.stack[-1], set).update(_key(x) for x in items)

    def _op_setitem(self, arg: None) -> None:
        self._set(self._take(2))

    def _op_setitems(self, arg: None) -> None:
        self._set(self._take_to_mark())

    def _extend(self, items: list[Any]) -> None:
        _expect(self.stack[-1], list).extend(items)

    def _set(self, items: list[Any]) -> None:
        target = _expect(self.stack[-1], dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_key(key)] = value

    def _op_global(self, arg: str) -> None:
        module, _, name = arg.partition(" ")
        self._push_name(module, name)

    def _op_stack_global(self, arg: None) -> None:
        module, name = self._take(2)
        self._push_name(_expect(module, str), _expect(name, str))

    def _push_name(self, module: str, name: str) -> None:
        asked = Name(module, name)
        if asked not in self.calls and asked not in self.inert:
            raise CheckpointError(
                f"the pickle asks for {str(asked)[:100]!r}, which is not among the names that ganedit allows",
                f"nothing in it was run; {_hint(asked)}",
            )
        self.stack.append(asked)

    def _op_reduce(self, arg: None) -> None:
        name, args = self._take(2)
        self._call(name, args)

    def _op_newobj(self, arg: None) -> None:
        self._op_reduce(arg)

    def _call(self, name: Any, args: Any) -> None:
        if not isinstance(name, Name) or name not in self.calls:
            what = str(name)[:100] if isinstance(name, Name) else "a value"
            raise CheckpointError(
                f"the pickle calls {what}, which ganedit does not allow", "nothing in it was run"
            )
        self.stack.append(self.calls[name](*_expect(args, tuple)))

    def _op_build(self, arg: None) -> None:
        (state,) = self._take(1)
        target = self.stack[-1]
        if isinstance(target, Buildable):
            target.build(state)
        elif not isinstance(target, dict):  # attributes of a dictionary, such as state_dict's, are ignored
            raise CheckpointError(
                f"the pickle sets the state of a {type(target).__name__}",
                "no checkpoint needs that; nothing in it was run",
            )

    def _op_binpersid(self, arg: None) -> None:
        (ident,) = self._take(1)
        if self.persistent is None:
            raise ValueError("the pickle refers to data outside of it")
        self.stack.append(self.persistent(ident))


def _hint(name: Name) -> str:
    """A hint for a file that asks for a name that is not allowed."""
    if name.module.startswith("dnnlib.tflib"):
        return (
            "it is a network of TensorFlow's StyleGAN: the same weights are published for PyTorch, by NVIDIA "
            "(StyleGAN2) and GenForce (StyleGAN, ProGAN)"
        )
    if name.module.startswith("SinGAN."):
        return (
            "the published SinGAN keeps whole objects, not tensors: ganedit train singan PHOTO trains its own"
        )
    return (
        "of a model that was pickled whole, save the state_dict with the program that made it; otherwise the "
        "file may be hostile"
    )


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} was expected, not a {type(value).__name__}")
    return value


def _key(value: Any) -> Any:
    """A dictionary key or set member. Plain values only: hashing a deep tuple would overflow the C stack."""
    plain = (str, int, float, bytes, type(None))
    if isinstance(value, plain) or (isinstance(value, tuple) and all(isinstance(x, plain) for x in value)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be a key")
