"""Kernels: loops in Python that numba compiles, for programs that cannot wait for numba.

To import numba and to make it ready for its first kernel takes as long as to paint a head. So the
machine code that numba made once is kept in a file, and later programs call it without numba.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache, cached_property, update_wrapper
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import numpy as np

from facelib.files.atomic import replacing
from facelib.files.kernel_cache import VARIABLE, kernel_folder

if TYPE_CHECKING:
    from llvmlite.binding import ExecutionEngine, TargetMachine

LOG = logging.getLogger(__name__)

BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
"""Numba's options for a function without any call to Python or to numba's own library."""
SCALARS = {bool: ctypes.c_uint8, int: ctypes.c_int64, float: ctypes.c_double}

INSTRUCTION = "llvm."  # how the names of functions begin that the compiler itself replaces
# Numba calls the system's, which may be out of reach; the processor's have the same bits.
SQUARE_ROOTS = (("sqrtf", "llvm.sqrt.f32"), ("sqrt", "llvm.sqrt.f64"))

_lock = threading.Lock()
_nowhere = (ctypes.c_void_p * 2)()  # where numba's functions put a result and an exception


def kernel(**options: object) -> Callable[[Callable[..., None]], Kernel]:
    """Make a kernel of a function.

    Args:
        options: of ``numba.njit``, besides ``cache=True, nogil=True, error_model="numpy"``.

    Returns:
        A decorator of functions that take arrays and plain numbers, fill arrays, and return
        nothing. They make no array, and call kernels of their own file only; a kernel that only
        kernels call may return numbers.
    """
    return lambda function: Kernel(function, options)


class Kernel:
    """A function that numba compiles in the first program that calls it.

    Later programs call the machine code. If a program has imported numba anyway, numba calls it,
    which is some microseconds quicker; the results have the same bits.

    Attributes:
        function: as it is written.
    """

    def __init__(self, function: Callable[..., None], options: dict[str, object]) -> None:
        """Compile nothing yet."""
        update_wrapper(self, function)
        self.function = function
        self._source = Path(function.__code__.co_filename)
        self._text = _text(self._source)  # now, while it is what was imported
        self._options = {"nogil": True, "error_model": "numpy", **options}
        self._compiled: dict[tuple, Callable[..., int]] = {}

    def __call__(self, *arguments: np.ndarray | float) -> None:
        """Run the compiled function.

        Raises:
            TypeError: if it is not a kernel as `kernel` describes them.
            RuntimeError: if it raises an exception.
        """
        if has_numba():
            self.jitted(*arguments)
            return
        kinds = tuple(map(_kind, arguments))
        if kinds not in self._compiled:
            with _lock:  # of several threads, one compiles
                if kinds not in self._compiled:
                    self._compiled[kinds] = self._load(kinds, arguments)
        if self._compiled[kinds](_nowhere, ctypes.byref(_nowhere, 8), *_flat(arguments)):
            raise RuntimeError(f"the kernel {self.__qualname__} raised an exception")

    @cached_property
    def jitted(self) -> Callable[..., None]:
        """The function as numba's, which other functions of numba's may call."""
        from numba import njit

        return njit(cache=True, **self._options)(self._calling_jitted())

    def _calling_jitted(self) -> FunctionType:
        """Copy the function, so that where it calls kernels it calls functions of numba's."""
        code, names = self.function.__code__, dict(self.function.__globals__)
        for name in code.co_names:
            if isinstance(names.get(name), Kernel):
                names[name] = names[name].jitted
        return update_wrapper(FunctionType(code, names), self.function)

    def _load(self, kinds: tuple, arguments: tuple) -> Callable[..., int]:
        """Return the machine code for arguments of some kinds; compile it if none is kept."""
        where = hashlib.sha256(f"{_environment()} {kinds}".encode())
        name = f"{self.__module__}.{self.__qualname__}-{where.hexdigest()[:12]}.kernel"
        where.update(self._text + _text(Path(__file__)))
        folder, stamp = kernel_folder(self._source), where.hexdigest()
        code = _kept(folder / name, stamp)
        if code is None:
            code = self._compile(arguments, folder)
            _keep(folder / name, stamp, code)
        symbol, _, program = code.partition(b"\n")
        return ctypes.CFUNCTYPE(ctypes.c_int32, *_types(arguments))(
            _address(symbol.decode(), program)
        )

    def _compile(self, arguments: tuple, folder: Path) -> bytes:
        """Compile the function for arguments like these: its symbol, and an object file."""
        import llvmlite.binding as llvm
        from numba import njit, typeof
        from numba.types import none

        LOG.debug("compiling %s", self.__qualname__, extra={"folder": folder})
        start = time.monotonic()
        types = tuple(map(typeof, arguments))
        jitted = njit(types, **self._options, **BARE)(self._calling_jitted())
        module = llvm.parse_assembly(_with_roots(jitted.inspect_llvm(types)))
        called = [f.name for f in module.functions if f.is_declaration]
        missing = [name for name in called if not name.startswith(INSTRUCTION)]
        if missing:
            raise TypeError(f"the kernel {self.__qualname__} calls {', '.join(missing)}")
        compiled = jitted.overloads[types]
        returned, symbol = compiled.signature.return_type, compiled.fndesc.mangled_name
        n_arguments = len(list(module.get_function(symbol).arguments))
        if returned != none or n_arguments != len(list(_types(arguments))):
            raise TypeError(f"the kernel {self.__qualname__} returns {returned}")
        code = symbol.encode() + b"\n" + _machine().emit_object(module)
        seconds = time.monotonic() - start
        LOG.debug("compiled %s in %.1f s", self.__qualname__, seconds, extra={"seconds": seconds})
        return code


def _with_roots(text: str) -> str:
    """Let a module in LLVM's language take the processor's `SQUARE_ROOTS`."""
    for name, instruction in SQUARE_ROOTS:
        if f"@{instruction}(" in text:  # to declare it twice is an error
            text = re.sub(rf"^declare .*@{name}\(.*$", "", text, flags=re.MULTILINE)
        text = text.replace(f"@{name}(", f"@{instruction}(")
    return text


@cache
def has_numba() -> bool:
    """Whether numba calls the kernels: if it was imported before the first of them was called.

    It also does if NUMBA_DISABLE_JIT forbids it to compile.
    """
    return "numba" in sys.modules or bool(os.environ.get("NUMBA_DISABLE_JIT"))


def _kind(argument: np.ndarray | float) -> tuple | type:
    """Tell apart what numba compiles differently."""
    if not isinstance(argument, np.ndarray):
        return type(argument)
    flags = argument.flags
    order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "any"
    return argument.dtype, argument.ndim, order, flags.writeable


def _flat(arguments: tuple) -> Iterator[int | float | None]:
    """Yield what numba's functions take: for an array its owners, sizes, address and strides."""
    for each in arguments:
        if isinstance(each, np.ndarray):
            yield from (None, None, each.size, each.itemsize, each.ctypes.data)
            yield from each.shape
            yield from each.strides
        else:
            yield each


def _types(arguments: tuple) -> Iterator[type]:
    """Yield the types of a place for a result, one for an exception, and `_flat`."""
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    yield from (pointer, pointer)
    for each in arguments:
        if isinstance(each, np.ndarray):
            yield from (pointer, pointer, integer, integer, pointer, *2 * each.ndim * [integer])
        elif type(each) in SCALARS:
            yield SCALARS[type(each)]
        else:
            raise TypeError(f"expected arrays and plain numbers, got {type(each).__name__}")


@cache
def _text(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _environment() -> str:
    """Name all but source and arguments that machine code depends on."""
    import llvmlite
    import llvmlite.binding as llvm

    numba = Path(find_spec("numba").origin).with_name("_version.py").read_text()
    told = sorted(
        each for each in os.environ.items() if each[0].startswith("NUMBA_") and each[0] != VARIABLE
    )
    return f"{llvmlite.__version__} {numba} {llvm.get_process_triple()} {_processor()} {told}"


def _processor() -> dict[str, str]:
    """Name the processor and what it can do."""
    import llvmlite.binding as llvm

    return {"cpu": llvm.get_host_cpu_name(), "features": llvm.get_host_cpu_features().flatten()}


@cache
def _machine() -> TargetMachine:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(**_processor(), opt=3, jit=True, codemodel="jitdefault")


@cache
def _engine() -> ExecutionEngine:
    """All kernels' machine code in memory."""
    import llvmlite.binding as llvm

    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())


def _address(symbol: str, program: bytes) -> int:
    """Load an object file: where a function of it is in memory."""
    import llvmlite.binding as llvm

    _engine().add_object_file(llvm.ObjectFileRef.from_data(program))
    _engine().finalize_object()
    return _engine().get_function_address(symbol)


def _kept(path: Path, stamp: str) -> bytes | None:
    """Return what `_keep` wrote, if it is whole and bears this stamp."""
    try:
        found, digest, code = path.read_bytes().split(b"\n", 2)
    except (OSError, ValueError):
        return None
    is_whole = digest.decode("ascii", "replace") == hashlib.sha256(code).hexdigest()
    return code if is_whole and found.decode("ascii", "replace") == stamp else None


def _keep(path: Path, stamp: str, code: bytes) -> None:
    """Write machine code; where that is not possible, each program compiles it anew."""
    digest = hashlib.sha256(code).hexdigest()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(b"\n".join([stamp.encode(), digest.encode(), code]))
    except OSError as error:
        LOG.warning("cannot keep compiled kernels in %s: %s", path.parent, error.strerror)
