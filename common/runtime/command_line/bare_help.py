"""Shows the help of a command before there is an environment: with Python alone, whatever its libraries are.

`python3 -P -m common.runtime.command_line.bare_help procs.commands.drill --help`

The text is the command's own, which argparse makes of the options. To get that far its modules are imported with
stand-ins in place of the libraries that are not installed; nothing of a command but its options is run. It ends with
`NOT_POSSIBLE` where that does not do: then the environment has to be made.
"""

import resource
import runpy
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from common.errors import EXIT_DONE

NOT_POSSIBLE = 99
CPU_LIMIT_S, MEMORY_LIMIT = 20, 1 << 30  # for a loop over a stand-in that no end was thought of


class _AnyClass(type):
    """The class of stand-ins: each of their attributes is one too, and all keywords of a class are taken."""

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any], **_: object) -> "_AnyClass":
        return super().__new__(cls, name, bases, names)

    def __init__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any], **_: object) -> None:
        super().__init__(name, bases, names)

    def __getattr__(cls, name: str) -> Any:  # noqa: ANN401 - anything
        if name == "__struct_fields__":
            return tuple(cls.__annotations__)
        if name.startswith("__"):
            raise AttributeError(name)
        return _AnyClass(name, (Anything,), {})

    def __getitem__(cls, _: object) -> "_AnyClass":
        return cls

    def __iter__(cls) -> Iterator[Any]:  # else what has items would go on for ever
        return iter(())


class Anything(metaclass=_AnyClass):
    """Stands for a class, a function or a value of a library: a base, a decorator, a call, an empty sequence."""

    def __init__(self, *_: object, **fields: object) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(type(self), name)

    def __call__(self, *_: object, **__: object) -> "Anything":
        """What a function of a library gives."""
        return Anything()

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class _AnyModule(ModuleType):
    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(Anything, name)


class StandIns(MetaPathFinder, Loader):
    """Finds what no other finder has found."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec:
        """Any module, as a package whose modules are found in the same way."""
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module that has every name."""
        return _AnyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run."""


def main(arguments: Sequence[str]) -> int:
    """Run the module that is named first with the arguments after it, of which one asks for help or the version."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    sys.meta_path.append(StandIns())
    module, *sys.argv[1:] = arguments
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as ended:
        return EXIT_DONE if ended.code in {None, EXIT_DONE} else NOT_POSSIBLE
    except Exception:  # noqa: BLE001 - whatever it is, the environment can do it
        return NOT_POSSIBLE
    return NOT_POSSIBLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
