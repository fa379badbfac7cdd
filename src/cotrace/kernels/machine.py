"""Machine code of kernels: compiled by Numba once, kept on disk, and loaded without Numba from then on.

The file of a kernel holds a digest of what follows, one line of JSON (entry point, what comes back, names that it
needs), and the object code that LLVM made. It is found by a key over the kernels' source, the installed Numba and
llvmlite, and the processor. A file that does not fit its digest is made anew. As with Numba's own cache, whoever can
write to the folder can change what is run: it is the folder of the source, or the user's own.

Entry points are called as Numba lays them out: an address for the result, one for an error, then the arguments,
arrays taken apart into ``(owner, parent, items, item size, data, shape..., strides...)``; owner and parent are null,
for the caller keeps the arrays alive.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import importlib
import importlib.util
import json
import marshal
import os
import platform
import sys
import tempfile
import types as python_types
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cotrace.kernels.jit import OPTIONS, Inlined, prefetch

__all__ = ["load_or_compile"]

_HERE = Path(__file__).parent
_POINTER, _LONG = ctypes.c_void_p, ctypes.c_int64
_SCALARS = {int: _LONG, float: ctypes.c_double, bool: ctypes.c_uint8, "l": _LONG, "q": _LONG}
_SCALARS |= {"L": ctypes.c_uint64, "Q": ctypes.c_uint64, "d": ctypes.c_double, "?": ctypes.c_uint8}
_SCALARS |= {"i": ctypes.c_int32, "I": ctypes.c_uint32, "h": ctypes.c_int16, "H": ctypes.c_uint16}
_SCALARS |= {"b": ctypes.c_int8, "B": ctypes.c_uint8}
#: what arrays may hold: also numbers of half the width, which are no arguments by themselves
_ITEMS = {*_SCALARS, "f"}


def load_or_compile(function: Callable[..., Any], types: tuple[Any, ...]) -> Callable[..., Any]:
    """Return the compiled form of a kernel for arguments of these types."""
    if not all(_is_plain(t) for t in types) or not _is_known_machine():
        return _by_numba(function)
    path = _file(function, types)
    found = _read(path)
    if found is None:
        found = _compile(function, types)
        if found is None:
            return _by_numba(function)
        _write(path, *found)
    return _load(*found, types) or _by_numba(function)


def _is_plain(kind: Any) -> bool:
    if isinstance(kind, tuple):
        return (
            all(_is_plain(k) for k in kind[1:]) if kind[0] == "tuple" else bool(kind[2]) and kind[0] in _ITEMS
        )
    return kind in _SCALARS


def _is_known_machine() -> bool:
    """Say whether arguments are laid out as this module does it; elsewhere Numba runs the kernels."""
    known = platform.machine() in ("x86_64", "aarch64", "arm64") and sys.platform in ("linux", "darwin")
    return known and sys.maxsize > 2**32


def _by_numba(function: Callable[..., Any]) -> Callable[..., Any]:
    import numba

    return numba.njit(cache=True, **OPTIONS)(_self_contained(function))  # type: ignore[no-any-return]


# ---- on disk


def _file(function: Callable[..., Any], types: tuple[Any, ...]) -> Path:
    # the code too: an installation without source files has nothing else that changes with a kernel
    code = marshal.dumps(function.__code__)
    key = hashlib.sha256(
        f"{_installation()} {function.__module__} {function.__name__} {types}".encode() + code
    )
    return _folder() / f"{function.__name__}-{key.hexdigest()[:24]}.machine"


@lru_cache
def _installation() -> str:
    """Return what machine code depends on: kernels' source, compiler, processor."""
    import llvmlite.binding as llvm

    parts = [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(_HERE.glob("*.py"))]
    for package in ("numba", "llvmlite"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin:
            # cheaper than asking for the version, and changed by every installation
            parts.append(f"{spec.origin} {os.stat(spec.origin).st_mtime_ns}")
    return f"{parts} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()} {platform.python_version()}"


@lru_cache
def _folder() -> Path:
    beside = _HERE / "__pycache__"
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named) / "cotrace"
    if os.access(beside if beside.exists() else _HERE, os.W_OK):
        return beside
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cotrace"
    except RuntimeError:
        return beside  # nobody's home: nothing is kept


def _read(path: Path) -> tuple[dict[str, Any], bytes] | None:
    try:
        with path.open("rb") as file:
            # what is read is run: nobody else may have written it, where the folder is one that others write to
            about = os.fstat(file.fileno())
            if about.st_uid not in (0, os.geteuid()) or about.st_mode & 0o022:
                return None
            digest, head, code = file.read().split(b"\n", 2)
        if digest != _digest(head, code):
            return None
        return json.loads(head), code
    except (OSError, ValueError):
        return None


def _write(path: Path, about: dict[str, Any], code: bytes) -> None:
    head = json.dumps(about).encode()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as new:
            try:
                new.write(b"\n".join([_digest(head, code), head, code]))
                new.close()
                os.replace(new.name, path)
            except OSError:
                os.unlink(new.name)
    except OSError:
        pass  # nowhere to keep it: it is compiled again the next time


def _digest(head: bytes, code: bytes) -> bytes:
    return hashlib.sha256(head + b"\n" + code).hexdigest().encode()


# ---- compiling


def _compile(function: Callable[..., Any], types: tuple[Any, ...]) -> tuple[dict[str, Any], bytes] | None:
    """Compile by Numba; return what is to be kept, or None when the kernel needs Numba to run."""
    # a compiler makes a million small objects and drops them at its end: looking for cycles is a tenth of its time
    collects = gc.isenabled()
    gc.disable()
    try:
        return _compiled(function, types)
    finally:
        if collects:
            gc.enable()


def _compiled(function: Callable[..., Any], types: tuple[Any, ...]) -> tuple[dict[str, Any], bytes] | None:
    from numba.core.compiler import Flags, compile_extra
    from numba.core.registry import cpu_target

    numba_types = _numba_types()
    flags = Flags()
    flags.nrt = True
    flags.error_model = OPTIONS["error_model"]
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    context = cpu_target.typing_context, cpu_target.target_context
    arguments = tuple(_numba_type(t) for t in types)
    result = compile_extra(*context, _self_contained(function), arguments, None, flags, {})
    kind = result.signature.return_type
    if isinstance(kind, numba_types.BaseTuple):
        back = (
            len(kind) if all(isinstance(k, numba_types.Integer) and k.bitwidth == 64 for k in kind) else None
        )
    elif isinstance(kind, numba_types.NoneType):
        back = 0
    else:
        back = -1 if isinstance(kind, numba_types.Integer) and kind.bitwidth == 64 else None
    if back is None:
        return None
    library = result.library
    needs = [
        f.name for f in library._final_module.functions if f.is_declaration and not f.name.startswith("llvm.")
    ]
    about = {"entry": result.fndesc.llvm_func_name, "back": back, "needs": needs}
    return about, bytes(library._get_compiled_object())


def _numba_types() -> Any:
    return importlib.import_module("numba.core.types")


def _numba_type(kind: Any) -> Any:
    from numba.np.numpy_support import from_dtype

    numba_types = _numba_types()
    if isinstance(kind, tuple):
        if kind[0] == "tuple":
            return numba_types.Tuple([_numba_type(k) for k in kind[1:]])
        return numba_types.Array(from_dtype(np.dtype(kind[0])), kind[1], "C")
    plain = {int: numba_types.int64, float: numba_types.float64, bool: numba_types.boolean}
    return plain[kind] if kind in plain else from_dtype(np.dtype(kind))


def _self_contained(function: Callable[..., Any]) -> Any:
    """Return the function with the helpers it calls made known to Numba."""
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        helper = names.get(name)
        if isinstance(helper, Inlined):
            names[name] = _known(helper)
    made = python_types.FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    made.__module__ = function.__module__
    made.__qualname__ = function.__qualname__
    return made


@cache
def _known(helper: Inlined) -> Any:
    """Return a helper as Numba knows it: once, for several kernels call the same ones."""
    import numba

    return _prefetch() if helper is prefetch else numba.njit(**OPTIONS)(_self_contained(helper.py_func))


@lru_cache
def _prefetch() -> Any:
    """Return the hint as Numba knows it."""
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def prefetch(typingctx: Any, array: Any, row: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            ary = context.make_array(signature.args[0])(context, builder, args[0])
            strides = cgutils.unpack_tuple(builder, ary.strides)
            row = context.cast(builder, args[1], signature.args[1], types.intp)
            byte = ir.IntType(8).as_pointer()
            pointer = builder.gep(builder.bitcast(ary.data, byte), [builder.mul(row, strides[0])])
            i32 = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
            hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            # for reading and writing alike, kept in all cache levels, a data line
            builder.call(hint, [pointer, i32(0), i32(3), i32(1)])
            return context.get_dummy_value()

        return types.void(array, row), codegen

    return prefetch


# ---- loading and calling


@lru_cache
def _engine() -> tuple[Any, Any]:
    """Return the engine that holds loaded code, and what has to live as long as it does."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # kernels allocate nothing, so nothing is ever freed; code may name the function that would
    never = ctypes.CFUNCTYPE(None, _POINTER)(lambda _: None)
    if llvm.address_of_symbol("NRT_MemInfo_call_dtor") is None:
        llvm.add_symbol("NRT_MemInfo_call_dtor", ctypes.cast(never, _POINTER).value)
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine), never


def _load(about: dict[str, Any], code: bytes, types: tuple[Any, ...]) -> Callable[..., Any] | None:
    """Return a function that calls the code; None when a name that it needs is not there."""
    import llvmlite.binding as llvm

    engine, _ = _engine()
    if any(llvm.address_of_symbol(name) is None for name in about["needs"]):
        return None
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    entry = engine.get_function_address(about["entry"])
    if not entry:
        return None
    layout = [c for kind in types for c in _layout(kind)]
    call = ctypes.CFUNCTYPE(ctypes.c_int32, _POINTER, _POINTER, *layout)(entry)
    return _caller(call, about["back"], [_parts_of(kind) for kind in types])


def _layout(kind: Any) -> list[Any]:
    if isinstance(kind, tuple):
        if kind[0] == "tuple":
            return [c for k in kind[1:] for c in _layout(k)]
        return [_POINTER, _POINTER, _LONG, _LONG, _POINTER, *[_LONG] * (2 * kind[1])]
    return [_SCALARS[kind]]


def _parts_of(kind: Any) -> Callable[[Any], Sequence[Any]]:
    """Return what takes an argument of this type apart."""
    if isinstance(kind, tuple) and kind[0] == "tuple":
        return tuple  # of scalars
    if isinstance(kind, tuple):
        return _parts_of_array
    return _alone


def _parts_of_array(array: Any) -> Sequence[Any]:
    return (None, None, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides)


def _alone(value: Any) -> Sequence[Any]:
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise OverflowError(f"{value} does not fit 64 bits")  # ctypes would cut it off in silence
    return (value if isinstance(value, float) else int(value),)


def _caller(call: Any, back: int, parts: list[Callable[[Any], Sequence[Any]]]) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        result = (_LONG * max(1, abs(back)))()
        error = _POINTER()
        flat = [v for part, arg in zip(parts, args, strict=True) for v in part(arg)]
        if call(ctypes.addressof(result), ctypes.addressof(error), *flat):
            raise RuntimeError("a kernel ended with an error")  # none raises: a fault of cotrace
        if back == 0:
            return None
        return result[0] if back < 0 else tuple(result)

    return run
