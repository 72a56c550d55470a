"""Rules of the design: imports, public names, dependencies, sizes, docstrings, pages.

Sources are read with `ast`, so that a violation is reported as `file:line`; each rule is also tried
on sources that break it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "kuramoto_nn"
NAME = "kuramoto_nn"
MAX_LINES, MAX_BODY = 400, 40

# package -> the packages it may import, beside itself and private modules at the root.
MAY_IMPORT: dict[str, set[str]] = {
    "functional": set(),
    "_ops": {"functional"},
    "coupling": {"functional", "_ops"},
    "layers": {"functional", "_ops", "coupling"},
    "models": {"functional", "_ops", "coupling", "layers"},
    "inference": {"functional", "models"},
    "reference": {"functional", "coupling", "layers", "models"},
    "clustering": {"functional", "_ops"},
    "metrics": {"functional", "clustering"},
    "plot": {"functional", "clustering", "metrics"},
    "testing": {"functional", "layers"},
}
PUBLIC = [name for name in MAY_IMPORT if not name.startswith("_")]
HEAVY = ("sklearn", "scipy", "numba", "torchmetrics", "matplotlib", "huggingface_hub")
LAZY = {"chain.py"}  # of _ops; loaded only where the extra `fast` is installed
DISTRIBUTIONS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "pysat": "python-sat",
    "google": "protobuf",
}
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in (ROOT / "docs").rglob("*.md")
    if "node_modules" not in page.parts
)
NAMEDTUPLE = {"_replace", "_asdict", "_fields", "_make"}


def sources(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def check(rule: Callable[[ast.Module, Path], Iterator[str]], files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{error}"
        for file in files
        for error in rule(ast.parse(file.read_text(encoding="utf-8")), file)
    ]


def walk(tree: ast.AST, *, functions: bool = True) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:` and, if so wished, those in functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        if functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from walk(node, functions=functions)


def imports(
    tree: ast.AST, file: Path, *, functions: bool = True
) -> Iterator[tuple[int, list[str], str | None]]:
    """Line, absolute module and imported name (None for `import module`) of every import."""
    for node in walk(tree, functions=functions):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split("."), None
        elif isinstance(node, ast.ImportFrom):
            module = node.module.split(".") if node.module else []
            if node.level:
                folders = [NAME, *file.relative_to(PACKAGE).parts[:-1]]
                module = folders[: len(folders) - node.level + 1] + module
            for alias in node.names:
                yield node.lineno, module, alias.name


# The rules. -------------------------------------------------------------------------------------


def direction(tree: ast.AST, file: Path) -> Iterator[str]:
    own = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return  # gathers names; what it loads is held by the test of a light import
    if own not in MAY_IMPORT and not own.startswith("_"):
        yield f"1 `{own}` has no place in the order: add it to MAY_IMPORT"
    for line, module, name in imports(tree, file):
        if module[0] != NAME:
            continue
        target = module[1] if len(module) > 1 else name or ""
        if target not in MAY_IMPORT and not target.startswith("_"):
            yield f"{line} imports from the package's root, which imports it"
        elif target in MAY_IMPORT and target not in MAY_IMPORT.get(own, set()) | {own}:
            yield f"{line} `{own}` may not import `{target}`"


def private_modules(_: ast.AST, file: Path) -> Iterator[str]:
    """Modules in public packages are private, so that none shadows a function."""
    if file.parent != PACKAGE and not any(
        part.startswith("_") for part in file.relative_to(PACKAGE).parts
    ):
        yield f"1 must be named _{file.name}"


def public_names(tree: ast.AST, file: Path) -> Iterator[str]:
    """Uses of the library from outside that are not public."""
    modules: dict[str, ModuleType] = {}  # local name -> the library's module it stands for
    foreign: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        origin = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        for alias in node.names:
            module, local = origin or alias.name, alias.asname or alias.name.split(".")[0]
            if module.split(".")[0] != NAME:
                foreign.add(local)
            elif module.count(".") > 1 or "._" in module:
                yield f"{node.lineno} {module} is private: import from its package"
            elif not origin:
                modules[local] = importlib.import_module(module if alias.asname else NAME)
            elif alias.name not in public(importlib.import_module(module)):
                yield f"{node.lineno} `{alias.name}` is not in {module}.__all__"
            elif alias.name in PUBLIC:
                modules[local] = importlib.import_module(f"{NAME}.{alias.name}")
    own = own_names(tree) | NAMEDTUPLE
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if owner := resolve(node.value, modules):
            if node.attr not in public(owner):
                yield f"{node.lineno} `{node.attr}` is not in {owner.__name__}.__all__"
        elif re.match(r"_(?!_)", node.attr) and node.attr not in own:
            if root_name(node) not in foreign:
                yield f"{node.lineno} uses the private attribute {node.attr}"


def public(module: ModuleType) -> set[str]:
    return {*module.__all__, "__version__"}


def resolve(node: ast.expr, modules: dict[str, ModuleType]) -> ModuleType | None:
    """The library's module that an expression such as `kuramoto_nn.clustering` stands for."""
    if isinstance(node, ast.Name):
        return modules.get(node.id)
    if isinstance(node, ast.Attribute) and (owner := resolve(node.value, modules)):
        value = getattr(owner, node.attr, None)
        return value if inspect.ismodule(value) else None
    return None


def own_names(tree: ast.AST) -> set[str]:
    """Names that a file defines: functions, classes, and attributes of `self` and `cls`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("self", "cls"):
                names.add(node.attr)
    return names


def root_name(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def lengths(tree: ast.Module, file: Path) -> Iterator[str]:
    """Files and functions that are too long; a function's docstring does not count."""
    if (count := len(file.read_text(encoding="utf-8").splitlines())) > MAX_LINES:
        yield f"1 has {count} lines, more than {MAX_LINES}: split it"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            count = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if count > MAX_BODY:
                yield f"{node.lineno} {node.name} has {count} lines, more than {MAX_BODY}: split it"


def dependencies(tree: ast.AST, file: Path) -> Iterator[str]:
    """Imports of packages that pyproject.toml does not declare where they are needed."""
    required, optional = declared()
    in_library = PACKAGE in file.parents
    ours = {NAME} if in_library else {NAME, "examples", "benchmarks", "docs", "tests"}
    always = {line for line, *_ in imports(tree, file, functions=False)}
    for line, module, _ in imports(tree, file):
        name = DISTRIBUTIONS.get(module[0], module[0])
        if module[0] in sys.stdlib_module_names or module[0] in ours:
            continue
        if in_library and line in always and file.name not in LAZY and name not in required:
            yield f"{line} {name} is no required dependency of pyproject.toml"
        elif name not in optional:
            yield f"{line} {name} is in no extra of pyproject.toml"


@cache
def declared() -> tuple[set[str], set[str]]:
    """Names of the required packages, and of all that some extra brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    required, *extras = [{re.split(r"[\[<>=]", package)[0] for package in lst} for lst in lists]
    return required, required.union(*extras)


# The rules, on what is there. -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "folders"),
    [
        (direction, ["src"]),
        (private_modules, ["src"]),
        (public_names, ["examples", "benchmarks"]),
        (lengths, ["src", "examples", "benchmarks"]),
        (dependencies, ["src", "examples", "benchmarks", "tests"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_rule_holds(rule, folders):
    assert check(rule, sources(*folders)) == []


def test_import_is_light():
    code = f"import json, sys, {NAME}; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    path = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("module", [NAME, *(f"{NAME}.{name}" for name in PUBLIC)])
def test_public_names_exist_and_are_documented(module: str):
    package = importlib.import_module(module)
    names = package.__all__
    assert len(set(names)) == len(names)
    assert [name for name in names if name.startswith("_")] == []
    assert package.__doc__, f"{module} has no docstring"
    assert [name for name in names if undocumented(getattr(package, name))] == []


def undocumented(value: object) -> list[str]:
    """Whatever of a class, its public methods or a function has no docstring of its own.

    Constants and type aliases need none, nor do `forward` and `extra_repr`: their class tells.
    """
    if inspect.isclass(value):
        text = value.__dict__.get("__doc__") or ""
        generated = text.startswith(f"{value.__name__}(")  # by dataclass and NamedTuple
        missing = [value.__name__] if generated or not text.strip() else []
        return missing + [
            name
            for name, method in vars(value).items()
            if inspect.isroutine(method) and not name.startswith("_")
            if name not in ("forward", "extra_repr") and not inspect.getdoc(method)
        ]
    if inspect.isroutine(value):
        return [] if (value.__doc__ or "").strip() else [value.__name__]
    return []


def test_version_is_the_same_everywhere():
    version = importlib.import_module(NAME).__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (\S+)$", citation, re.MULTILINE) == [version]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_code_of_the_documentation_runs(page: str):
    """All blocks marked `python` of one page, in order, in one namespace."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    torch.manual_seed(0)
    exec(compile("\n".join(blocks), page, "exec"), {"__name__": "page"})


# The rules, on sources that break them. ---------------------------------------------------------

LAYER, EXAMPLE = "src/kuramoto_nn/layers/_kuramoto.py", "examples/x.py"


@pytest.mark.parametrize(
    ("rule", "file", "source", "wrong"),
    [
        (direction, "src/kuramoto_nn/functional/_sphere.py", "import torch", False),
        (direction, "src/kuramoto_nn/functional/_sphere.py", "from ..layers import K", True),
        (direction, "src/kuramoto_nn/functional/_dynamics.py", "from ._sphere import n", False),
        (direction, "src/kuramoto_nn/functional/__init__.py", "from ._sphere import n", False),
        (direction, "src/kuramoto_nn/functional/__init__.py", "from ..layers import K", True),
        (direction, LAYER, "from kuramoto_nn import functional", False),
        (direction, LAYER, "from kuramoto_nn.functional._sphere import n", False),
        (direction, LAYER, "from kuramoto_nn import NormReadout", True),
        (direction, LAYER, "import kuramoto_nn.models", True),
        (direction, LAYER, "def f():\n    from ..models import AKOrN", True),
        (direction, LAYER, "if TYPE_CHECKING:\n    from ..models import AKOrN", False),
        (direction, LAYER, "from .._checks import as_integer", False),
        (direction, LAYER, "from .._ops.linear import SiteLinear", False),
        (direction, "src/kuramoto_nn/_ops/linear.py", "from ..layers import K", True),
        (direction, "src/kuramoto_nn/models/_akorn.py", "from ..reference import load", True),
        (direction, "src/kuramoto_nn/inference/_voting.py", "from ..models import A", False),
        (direction, "src/kuramoto_nn/metrics/_ari.py", "from ..layers import NormReadout", True),
        (direction, "src/kuramoto_nn/clustering/_pca.py", "from ..coupling import C", True),
        (direction, "src/kuramoto_nn/_checks.py", "from .functional import normalize", True),
        (direction, "src/kuramoto_nn/unheard_of/_x.py", "import torch", True),
        (private_modules, LAYER, "", False),
        (private_modules, "src/kuramoto_nn/models/__main__.py", "", False),
        (private_modules, "src/kuramoto_nn/_ops/linear.py", "", False),
        (private_modules, "src/kuramoto_nn/layers/kuramoto.py", "", True),
        (public_names, EXAMPLE, "from kuramoto_nn import clustering\nclustering.pca", False),
        (public_names, EXAMPLE, "import kuramoto_nn\nkuramoto_nn.clustering.pca", False),
        (public_names, EXAMPLE, "import torch\ntorch._dynamo.reset()", False),
        (public_names, EXAMPLE, "class A:\n    def f(self):\n        return self._x", False),
        (public_names, EXAMPLE, "from kuramoto_nn._checks import as_integer", True),
        (public_names, EXAMPLE, "from kuramoto_nn.layers._kuramoto import KuramotoLayer", True),
        (public_names, EXAMPLE, "import kuramoto_nn.layers._kuramoto", True),
        (public_names, EXAMPLE, "def f(layer):\n    return layer._stimulus", True),
        (public_names, EXAMPLE, "from kuramoto_nn import nothing_such", True),
        (public_names, EXAMPLE, "import kuramoto_nn as k\nk.nothing_such", True),
        (public_names, EXAMPLE, "import kuramoto_nn\nkuramoto_nn.layers.nothing", True),
        (lengths, LAYER, "def f():\n    '''Text.\n\n    More.\n    '''\n" + 40 * "    1\n", False),
        (lengths, LAYER, "class A:\n  def f(self):\n" + 41 * "    1\n", True),
        (dependencies, LAYER, "import torch, math, kuramoto_nn", False),
        (dependencies, LAYER, "import kornia.augmentation", True),
        (dependencies, LAYER, "from examples import common", True),
        (dependencies, LAYER, "def f():\n    import matplotlib", False),
        (dependencies, LAYER, "def f():\n    import torchvision", True),
        (dependencies, "src/kuramoto_nn/_ops/chain.py", "import numba", False),
        (dependencies, EXAMPLE, "import tyro, PIL.Image\nfrom examples import common", False),
        (dependencies, EXAMPLE, "from torchvision import io", True),
    ],
)
def test_rules_find_what_breaks_them(rule, file, source, wrong):
    assert bool(list(rule(ast.parse(source), ROOT / file))) is wrong


def test_docstring_rule():
    class Bare(torch.nn.Module):
        def forward(self, x):
            return x

        def solve(self):
            return None

    assert undocumented(Bare) == ["Bare", "solve"]
    assert undocumented(lambda x: x) == ["<lambda>"]
    assert undocumented(KeyError) == [] and undocumented(3.0) == []
