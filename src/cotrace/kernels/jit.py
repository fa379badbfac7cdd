"""The one switchboard for compilation: every kernel is decorated here, and every flag stands here.

``NUMBA_DISABLE_JIT=1`` in the environment runs every kernel as plain Python, which is how the tests cover
their lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

__all__ = ["inlined", "kernel", "prefetch"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel: cached on disk, without the GIL, with exact IEEE arithmetic (no fast-math)."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper that kernels call: not cached by itself, it goes into the kernels' own cache files."""
    return numba.njit(nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def _prefetch_intrinsic() -> Any:
    """Make the hint that loads the cache line of ``array[row]`` (rows of a C-ordered 2-d array) ahead of use."""
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator,unused-ignore]
    def prefetch(typingctx: Any, array: Any, row: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            ary = context.make_array(signature.args[0])(context, builder, args[0])
            strides = cgutils.unpack_tuple(builder, ary.strides)
            row = context.cast(builder, args[1], signature.args[1], types.intp)
            offset = builder.mul(row, strides[0])
            byte = ir.IntType(8).as_pointer()
            pointer = builder.gep(builder.bitcast(ary.data, byte), [offset])
            i32 = ir.IntType(32)
            hint = cgutils.get_or_insert_function(
                builder.module,
                ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32]),
                "llvm.prefetch.p0",
            )
            # for reading and writing alike, kept in all cache levels, a data line
            builder.call(hint, [pointer, i32(0), i32(3), i32(1)])
            return context.get_dummy_value()

        return types.void(array, row), codegen

    return prefetch


def _prefetch_nothing(array: Any, row: int) -> None:
    """Stand in for the hint where kernels run as plain Python: nothing to do."""


prefetch = _prefetch_nothing if numba.config.DISABLE_JIT else _prefetch_intrinsic()
