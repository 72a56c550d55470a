"""Holds what design.md promises about imports, public names, file sizes and docstrings.

Everything is read with `ast`, so a violation is reported as `file:line` without running the file.
Parts that do not exist yet are skipped; each rule is also tried on sources that break it.
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
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "kuramoto_nn"
NAME = "kuramoto_nn"
MAX_LINES = 250

# part -> the parts it may import, beside itself and private modules at the root (`_checks.py`).
MAY_IMPORT: dict[str, set[str]] = {
    "functional": set(),
    "coupling": {"functional"},
    "layers": {"functional", "coupling"},
    "models": {"functional", "coupling", "layers"},
    "reference": {"functional", "coupling", "layers", "models"},
    "clustering": {"functional"},
    "metrics": {"functional", "clustering"},
    "plot": {"functional", "coupling", "layers", "clustering", "metrics"},
}
HEAVY = ("sklearn", "scipy", "torchmetrics", "matplotlib", "huggingface_hub")
FOREIGN = ("kornia", "tyro", "torchvision", "rich", "tensorboard", "examples", "benchmarks")
PAGES = sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md"))
NAMEDTUPLE = {"_replace", "_asdict", "_fields"}


def sources(*folders: Path) -> list[Path]:
    return sorted(file for folder in folders for file in folder.rglob("*.py"))


def module_of(file: Path) -> tuple[str, ...]:
    """src/kuramoto_nn/layers/kuramoto.py -> ("kuramoto_nn", "layers", "kuramoto")."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(tree: ast.AST, file: Path) -> Iterator[tuple[int, tuple[str, ...], str | None]]:
    """Yields (line, absolute module, imported name or None) of every import, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, tuple(alias.name.split(".")), None
        elif isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                package = module_of(file)
                if file.name != "__init__.py":
                    package = package[:-1]
                module = package[: len(package) - node.level + 1] + module
            for alias in node.names:
                yield node.lineno, module, alias.name


def part_of(module: tuple[str, ...]) -> str:
    """The folder or file directly below the package; "" for the package's own __init__."""
    return module[1] if len(module) > 1 else ""


def is_part(name: str) -> bool:
    file, folder = PACKAGE / f"{name}.py", PACKAGE / name
    return name in MAY_IMPORT or folder.is_dir() or file.is_file()


def direction_errors(tree: ast.AST, file: Path) -> list[str]:
    own = part_of(module_of(file))
    if own == "":
        return []  # the root gathers names; what it loads is held by the test of a light import
    if own not in MAY_IMPORT and not own.startswith("_"):
        return [f"{file.name}:1 `{own}` has no place in the order: add it to MAY_IMPORT"]
    allowed = MAY_IMPORT.get(own, set()) | {own}
    errors = []
    for line, module, name in imports(tree, file):
        if module[:1] != (NAME,):
            continue
        target = part_of(module) or (name if name and is_part(name) else "")
        if target == "":
            errors.append(f"{file.name}:{line} imports from the package's root, which imports it")
        elif target not in allowed and not target.startswith("_"):
            errors.append(f"{file.name}:{line} `{own}` may not import `{target}`")
    return errors


def foreign_errors(tree: ast.AST, file: Path) -> list[str]:
    return [
        f"{file.name}:{line} imports {module[0]}"
        for line, module, _ in imports(tree, file)
        if module and module[0] in FOREIGN
    ]


def exported(module: str) -> list[str] | None:
    return getattr(importlib.import_module(module), "__all__", None)


def module_errors(module: tuple[str, ...]) -> str | None:
    """What is wrong with naming `module` from outside the library, if anything."""
    dotted = ".".join(module)
    if any(part.startswith("_") for part in module):
        return f"{dotted} is private"
    if len(module) > 2:
        return f"{dotted} is deeper than a public package: import from {'.'.join(module[:2])}"
    return None


def public_errors(tree: ast.AST, file: Path) -> list[str]:
    """Uses of non-public names of the library in an example or a benchmark."""
    errors: list[str] = []
    modules: dict[str, tuple[str, ...]] = {}  # local name -> the library's module it stands for
    third_party: set[str] = set()

    def check_name(line: int, module: tuple[str, ...], name: str) -> None:
        if len(module) == 1 and (name in MAY_IMPORT or name == "__version__"):
            return
        names = exported(".".join(module))
        if names is None or name not in names:
            errors.append(f"{file.name}:{line} `{name}` is not in {'.'.join(module)}.__all__")

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = tuple(alias.name.split("."))
                if module[0] != NAME:
                    third_party.add(alias.asname or module[0])
                    continue
                if problem := module_errors(module):
                    errors.append(f"{file.name}:{node.lineno} {problem}")
                elif alias.asname:
                    modules[alias.asname] = module
                else:
                    modules[NAME] = (NAME,)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            module = tuple(node.module.split("."))
            if module[0] != NAME:
                third_party |= {alias.asname or alias.name for alias in node.names}
                continue
            if problem := module_errors(module):
                errors.append(f"{file.name}:{node.lineno} {problem}")
                continue
            for alias in node.names:
                check_name(node.lineno, module, alias.name)
                if len(module) == 1 and alias.name in MAY_IMPORT:
                    modules[alias.asname or alias.name] = (NAME, alias.name)

    own = private_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        module = attribute_module(node.value, modules)
        if module is not None:
            if attribute_module(node, modules) is None:
                check_name(node.lineno, module, node.attr)
        elif re.match(r"_(?!_)", node.attr) and node.attr not in own | NAMEDTUPLE:
            if root_name(node) not in third_party:
                errors.append(f"{file.name}:{node.lineno} uses the private attribute {node.attr}")
    return errors


def private_names(tree: ast.AST) -> set[str]:
    """Names that a file defines itself: functions, classes, and attributes of `self` and `cls`."""
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


def attribute_module(node: ast.expr, modules: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The library's module that an expression such as `kuramoto_nn.clustering` stands for."""
    if isinstance(node, ast.Name):
        return modules.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if modules.get(node.value.id) == (NAME,) and node.attr in MAY_IMPORT:
            return (NAME, node.attr)
    return None


def public_modules() -> list[str]:
    """The package, its sub-packages and its public single-file modules, as far as they exist."""
    if not (PACKAGE / "__init__.py").is_file():
        return []
    found = [NAME]
    for part in MAY_IMPORT:
        if (PACKAGE / part / "__init__.py").is_file() or (PACKAGE / f"{part}.py").is_file():
            found.append(f"{NAME}.{part}")
    return found


def check(rule, files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(ROOT).parent}/{error}"
        for file in files
        for error in rule(ast.parse(file.read_text(encoding="utf-8")), file)
    ]


# The rules, on what is there. -----------------------------------------------------------------


def test_imports_follow_the_reading_order():
    assert check(direction_errors, sources(PACKAGE)) == []


def test_library_imports_nothing_that_only_examples_need():
    assert check(foreign_errors, sources(PACKAGE)) == []


def test_examples_and_benchmarks_use_public_names_only():
    assert check(public_errors, sources(ROOT / "examples", ROOT / "benchmarks")) == []


def test_files_are_short():
    files = sources(PACKAGE, ROOT / "examples", ROOT / "benchmarks")
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    too_long = {str(f.relative_to(ROOT)): n for f, n in lengths.items() if n > MAX_LINES}
    assert too_long == {}, f"split files of more than {MAX_LINES} lines"


def test_import_is_light():
    if not (PACKAGE / "__init__.py").is_file():
        pytest.skip("the package has no __init__.py yet")
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


@pytest.mark.parametrize("module", public_modules())
def test_public_names_exist_and_are_documented(module: str):
    names = exported(module)
    assert names is not None, f"{module} has no __all__"
    assert len(set(names)) == len(names)
    assert [name for name in names if name.startswith("_") and name != "__version__"] == []
    package = importlib.import_module(module)
    assert package.__doc__, f"{module} has no docstring"
    assert [name for name in names if undocumented(getattr(package, name))] == []


def undocumented(value: object) -> list[str]:
    """Whatever of a class, its public methods, a function or a module has no docstring of its own.

    Constants and type aliases need none, nor do `forward` and `extra_repr`: their class tells.
    """
    if inspect.isclass(value):
        text = value.__dict__.get("__doc__") or ""
        generated = text.startswith(f"{value.__name__}(")  # by dataclass and NamedTuple
        methods = {
            name: method
            for name, method in vars(value).items()
            if inspect.isroutine(method) and not name.startswith("_")
        }
        missing = [value.__name__] if generated or not text.strip() else []
        return missing + [
            name
            for name, method in methods.items()
            if name not in ("forward", "extra_repr") and not inspect.getdoc(method)
        ]
    if inspect.isroutine(value) or inspect.ismodule(value):
        return [] if (value.__doc__ or "").strip() else [value.__name__]
    return []


def test_version_is_the_same_everywhere():
    if not (PACKAGE / "__init__.py").is_file():
        pytest.skip("the package has no __init__.py yet")
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


# The rules themselves, on sources that break them. ---------------------------------------------


@pytest.mark.parametrize(
    ("part", "source", "wrong"),
    [
        ("functional/sphere.py", "import torch", False),
        ("functional/sphere.py", "from kuramoto_nn.coupling import ConvCoupling", True),
        ("functional/sphere.py", "from ..layers import KuramotoLayer", True),
        ("functional/energy.py", "from .sphere import normalize", False),
        ("functional/__init__.py", "from .sphere import normalize", False),
        ("functional/__init__.py", "from ..layers import KuramotoLayer", True),
        ("layers/kuramoto.py", "from kuramoto_nn import functional", False),
        ("layers/kuramoto.py", "from kuramoto_nn.functional import sphere", False),
        ("layers/kuramoto.py", "from kuramoto_nn import NormReadout", True),
        ("layers/kuramoto.py", "import kuramoto_nn.models", True),
        ("layers/kuramoto.py", "def f():\n    from ..models import AKOrN", True),
        ("layers/kuramoto.py", "from .._checks import divisible", False),
        ("models/akorn.py", "from ..reference import load", True),
        ("reference.py", "from .models import AKOrN", False),
        ("metrics/ari.py", "from ..layers import NormReadout", True),
        ("clustering/pca.py", "from ..coupling import ConvCoupling", True),
        ("_checks.py", "from .functional import sphere", True),
        ("unheard_of/x.py", "import torch", True),
    ],
)
def test_direction_rule(part: str, source: str, wrong: bool):
    assert bool(direction_errors(ast.parse(source), PACKAGE / part)) is wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from kuramoto_nn import clustering", False),
        ("import kuramoto_nn\nkuramoto_nn.clustering", False),
        ("import torch\ntorch._dynamo.reset()", False),
        ("class A:\n    def f(self):\n        return self._x", False),
        ("from kuramoto_nn._checks import divisible", True),
        ("from kuramoto_nn.layers._kuramoto import KuramotoLayer", True),
        ("import kuramoto_nn.layers._kuramoto", True),
        ("def f(layer):\n    return layer._stimulus", True),
    ],
)
def test_public_rule(source: str, wrong: bool):
    assert bool(public_errors(ast.parse(source), ROOT / "examples" / "x.py")) is wrong


@pytest.mark.parametrize(
    "source",
    ["from kuramoto_nn import nothing_such", "import kuramoto_nn as k\nk.nothing_such"],
)
def test_public_rule_knows_the_names(source: str):
    if not (PACKAGE / "__init__.py").is_file():
        pytest.skip("the package has no __init__.py yet")
    assert public_errors(ast.parse(source), ROOT / "examples" / "x.py") != []


def test_docstring_rule():
    class Bare(torch.nn.Module):
        def forward(self, x):
            return x

        def solve(self):
            return None

    assert undocumented(Bare) == ["Bare", "solve"]
    assert undocumented(lambda x: x) == ["<lambda>"]
    assert undocumented(KeyError) == [] and undocumented(3.0) == []


@pytest.mark.parametrize("source", ["import kornia.augmentation", "from torchvision import io"])
def test_foreign_rule(source: str):
    assert foreign_errors(ast.parse(source), PACKAGE / "plot.py") != []
