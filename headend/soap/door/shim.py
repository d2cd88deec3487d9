"""The one place that imports Spyne 2.14.0, and what the head-end uses of it.

Spyne's vendored six puts a finder on `sys.meta_path` that knows only the old protocol, find_module
and load_module.  Python 3.11 then warns (ImportWarning) on every later import that no other finder
satisfies, and under -W error that breaks each `try: import optional` of any library; 3.12 dropped
the old protocol.  So that file is loaded first, and its finder taught the new protocol.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_SIX = "spyne.util.six"


def _load_six() -> None:
    if _SIX in sys.modules:
        return
    package = importlib.util.find_spec("spyne")  # locates it without running it
    if package is None or not package.submodule_search_locations:
        raise ImportError("Spyne is not installed")
    spec = importlib.util.spec_from_file_location(
        _SIX, f"{package.submodule_search_locations[0]}/util/six.py", submodule_search_locations=[]
    )
    if spec is None or spec.loader is None:
        raise ImportError("Spyne has no util/six.py: not the version this shim knows")
    six = importlib.util.module_from_spec(spec)
    sys.modules[_SIX] = six
    spec.loader.exec_module(six)
    finder = type(six._importer)
    finder.find_spec = _find_spec
    finder.create_module = _create_module
    finder.exec_module = _exec_module


def _find_spec(finder: Any, name: str, path: object = None, target: object = None) -> Any:
    return ModuleSpec(name, finder) if name in finder.known_modules else None


def _create_module(finder: Any, spec: ModuleSpec) -> ModuleType:
    module: ModuleType = finder.load_module(spec.name)
    return module


def _exec_module(finder: Any, module: ModuleType) -> None:
    """Nothing is left to run: six's lazy modules are complete when made."""


_load_six()
with warnings.catch_warnings():
    # Spyne imports the standard library's cgi, deprecated in 3.11 and gone in 3.13.
    warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
    from spyne import Application, Fault, MethodContext, Service, rpc
    from spyne.model.primitive import AnyXml
    from spyne.protocol.soap import Soap11
    from spyne.server import ServerBase

# Spyne keeps a register of applications that nothing here reads, and warns when a second head-end
# in one process (a simulated restart) enters its own.
logging.getLogger("spyne.util.appreg").setLevel(logging.ERROR)

__all__ = [
    "AnyXml",
    "Application",
    "Fault",
    "MethodContext",
    "ServerBase",
    "Service",
    "Soap11",
    "rpc",
]
