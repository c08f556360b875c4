"""Import contracts of our own kinds, for import-linter (see ``setup.cfg``).

import-linter's own kinds want every module named, and complain of names that are not there. An ATS
added as a folder has to be held to the rules without anybody naming it.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

NETWORK = frozenset(
    {"asyncio", "ctypes", "ftplib", "http", "imaplib", "multiprocessing", "poplib", "smtplib"}
    | {"socket", "socketserver", "sqlite3", "ssl", "subprocess", "urllib"}
)
"""Standard modules that reach outside: connectors do that through the kit's HttpClient only."""

HARMLESS = ("urllib.parse", "import HTTPStatus")
"""What an import line may say although its module is in NETWORK."""

Edge = tuple[str, str]


class _EdgeContract(Contract):
    """A contract that looks at direct imports one by one."""

    @abstractmethod
    def broken(self, graph: ImportGraph) -> Iterator[Edge]:
        """Every (importer, imported) that is against the contract."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken = sorted(self.broken(graph))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"- {importer} must not import {imported}", bold=False)
        output.new_line()


class OnlyInContract(_EdgeContract):
    """The external ``packages`` are imported nowhere but in the modules of ``only_in``."""

    packages = fields.SetField(subfield=fields.StringField())
    only_in = fields.SetField(subfield=fields.StringField())

    def broken(self, graph: ImportGraph) -> Iterator[Edge]:
        for package in _names(self.packages) & graph.modules:
            for importer in graph.find_modules_that_directly_import(package):
                if not _inside(importer, _names(self.only_in)):
                    yield importer, package


class ConnectorFoldersContract(_EdgeContract):
    """Connector folders import the kit, the named modules and themselves; never one another.

    Every package right under ``package`` is a connector folder unless ``kit_packages`` names it.
    """

    package = fields.StringField()
    kit_packages = fields.SetField(subfield=fields.StringField())
    allowed = fields.SetField(subfield=fields.StringField())
    allowed_in_stand_ins = fields.SetField(subfield=fields.StringField())

    def broken(self, graph: ImportGraph) -> Iterator[Edge]:
        folders = self._folders(graph)
        for folder in folders:
            for importer in {folder} | graph.find_descendants(folder):
                for imported in graph.find_modules_directly_imported_by(importer):
                    own_or_kit = not _inside(imported, folders - {folder}) and _inside(
                        imported, {str(self.package)}
                    )
                    if not (own_or_kit or self._may(graph, importer, imported)):
                        yield importer, imported

    def _folders(self, graph: ImportGraph) -> set[str]:
        children = graph.find_children(str(self.package))
        return {name for name in children if graph.find_children(name)} - _names(self.kit_packages)

    def _may(self, graph: ImportGraph, importer: str, imported: str) -> bool:
        allowed = _names(self.allowed)
        if "standin" in importer.split("."):
            allowed |= _names(self.allowed_in_stand_ins)
        if _inside(imported, allowed):
            return True
        if imported in NETWORK:
            lines = graph.get_import_details(importer=importer, imported=imported)
            return all(any(w in line["line_contents"] for w in HARMLESS) for line in lines)
        return imported in sys.stdlib_module_names


def _names(declared: object) -> set[str]:
    """A SetField's value; on the class the field itself stands there, hence the check."""
    if not isinstance(declared, (set, frozenset)):
        raise TypeError(f"not a set of names: {declared!r}")
    return {str(name) for name in declared}


def _inside(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
