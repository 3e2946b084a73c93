"""Who may import whom, how long a file may be, and what nobody may do. The tables are those of CONTRIBUTING."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("bookings", "payments", "meetings", "config")
MAY_IMPORT = {
    "bookings": {"bookings"},
    "payments": {"payments", "bookings"},
    "meetings": {"meetings", "bookings"},
    "config": {"config", "bookings", "payments", "meetings"},
}
# Inside an app, a module imports from its own layer or from those below it.
LAYERS = {
    "errors": 0,
    "signals": 0,
    "money": 0,
    "spans": 0,
    "times": 0,
    "references": 0,
    "outside": 0,
    "models": 1,
    "gateways": 1,
    "providers": 1,
    "oauth": 1,
    "doubles": 1,
    "": 2,  # the verb modules
    "receivers": 3,
    "account_tasks": 3,
    "tasks": 3,
    "checks": 3,
    "admin": 4,
    "api": 4,
    "views": 4,
    "management": 4,
    "urls": 5,
}
LONGEST_FILE = 300
LONGEST_FUNCTION = 40


def _files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts]


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


def _layer(module: str) -> int:
    parts = module.split(".")
    return LAYERS.get(parts[1] if len(parts) > 1 else "", LAYERS[""])


def test_apps_import_only_what_lies_below_them():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for app in APPS
        for path in _files(app)
        for line, module in _imports(path)
        if module.split(".")[0] in APPS and module.split(".")[0] not in MAY_IMPORT[app]
    ]
    assert not wrong


@pytest.mark.parametrize("app", ["bookings", "payments", "meetings"])
def test_modules_import_only_from_lower_layers_of_their_app(app: str):
    wrong = []
    for path in _files(app):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name == "apps.py" or path.name == "__init__.py":
            continue
        wrong += [
            f"{path.relative_to(ROOT)}:{line} imports {found}"
            for line, found in _imports(path)
            if found.startswith(f"{app}.") and _layer(found) > _layer(module)
        ]
    assert not wrong


@pytest.mark.parametrize("folder", [*APPS, "tests", "bench"])
def test_no_file_is_over_300_lines(folder: str):
    long = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in _files(folder)}
    assert not {path: lines for path, lines in long.items() if lines > LONGEST_FILE}


def test_no_function_is_over_40_lines():
    wrong = []
    for path in _files(*APPS):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert not wrong


def test_nobody_listens_to_saves():
    """A receiver hears a fact (`booking_paid`), not a row being saved."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in _files(*APPS)
        for line, module in _imports(path)
        if module.endswith((".post_save", ".pre_save", ".post_delete", ".pre_delete"))
    ]
    assert not wrong


def test_nobody_imports_inside_a_function_but_apps():
    wrong = []
    for path in _files(*APPS):
        if path.name == "apps.py":
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                wrong += [
                    f"{path.relative_to(ROOT)}:{node.lineno}"
                    for node in ast.walk(function)
                    if isinstance(node, ast.Import | ast.ImportFrom)
                ]
    assert not wrong


def test_receivers_are_three_lines_at_most():
    wrong = []
    for app in ("payments", "meetings"):
        for node in ast.parse((ROOT / app / "receivers.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                lines = (node.body[-1].end_lineno or 0) - node.body[0].lineno + 1
                decorators = ast.dump(ast.Module([*map(ast.Expr, node.decorator_list)], []))
                if lines > 3 or "dispatch_uid" not in decorators:
                    wrong.append(f"{app}/receivers.py:{node.lineno} {node.name}")
    assert not wrong


def test_templates_carry_no_inline_style_or_script():
    """The Content-Security-Policy has no 'unsafe-inline': such markup would silently do nothing.

    Mails are no pages of the site: nobody sends them a policy, and mail programs know no style but what stands inside.
    """
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if not path.is_relative_to(ROOT / "templates" / "mail")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(
            mark in line for mark in (" style=", "<style", "<script>", "onclick=", "onchange=", "onsubmit=", "javascript:")
        )
    ]
    assert not wrong


def test_main_path_can_be_followed():
    """The words of STYLE lead from the webhook to the link: each of these names exists where it is said to be."""
    for module, name in [
        ("payments/webhooks.py", "receive_webhook"),
        ("payments/webhooks.py", "apply_event"),
        ("payments/settlement.py", "record_payment_succeeded"),
        ("bookings/orders.py", "mark_order_paid"),
        ("meetings/planning.py", "plan_meeting"),
        ("meetings/pool.py", "assign_link"),
    ]:
        tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{name} in {module}"
