"""The shape of the project: imports point one way, help imports nothing heavy, what is imported is declared."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = {"adbc_driver_manager", "alembic", "boto3", "duckdb", "holidays", "jinja2", "numpy", "pandas", "pyarrow"}
HEAVY |= {"paramiko", "pydantic", "pysequoia", "rich", "sqlalchemy", "sqlglot", "xlsxwriter", "yaml"}


def tracked() -> list[Path]:
    """Files that git knows or would take; the working tree where there is no git (an unpacked sdist)."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in memory after a statement, in a new interpreter."""
    code = f"{statement}\nimport sys\nprint(*sorted(set(name.split('.')[0] for name in sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_the_command_line_imports_nothing_heavy() -> None:
    """`recon --help` within 0.3 s: pandas alone takes longer."""
    assert loaded_by("import recon.cli.main") & HEAVY == set()


def test_import_recon_is_light_too() -> None:
    assert loaded_by("import recon") & HEAVY == set()


def test_the_check_for_heavy_imports_can_fail() -> None:
    assert "duckdb" in loaded_by("import duckdb")


def test_imports_point_one_way() -> None:
    """The contracts in pyproject.toml."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(lint), "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Names of the distributions that the package itself may use: dependencies and extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    return {normal(found[0]) for each in wanted if (found := re.match(r"[A-Za-z0-9._-]+", each))}


def imported() -> dict[str, str]:
    """Top-level modules that recon/ imports, with a file that does."""
    found: dict[str, str] = {}
    for path in (ROOT / "recon").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                found.setdefault(name.split(".")[0], str(path.relative_to(ROOT)))
    return found


def test_every_import_is_a_declared_dependency() -> None:
    """What another package happens to bring along today may be gone tomorrow."""
    names, ours = packages_distributions(), declared()
    missing = {
        module: file
        for module, file in imported().items()
        if module not in sys.stdlib_module_names
        and module != "recon"
        and not ours.intersection(normal(distribution) for distribution in names.get(module, [module]))
    }
    assert missing == {}


def test_dependencies_have_floors_and_the_ones_that_break_have_ceilings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [each for each in project["dependencies"] if ">=" not in each] == []
    # Released by date: a ceiling would only keep new zones out.
    assert [each for each in project["dependencies"] if "<" not in each and not each.startswith("tzdata")] == []


#: Built from parts, so that this file does not hold what it looks for.
HOMES = tuple("/" + name + "/" for name in ("home", "Users", "root", "work"))


def test_no_tracked_file_names_a_place_on_somebodys_machine() -> None:
    pattern = re.compile(r"(?<![\w.\-/:}])(?:" + "|".join(HOMES) + r")[\w.-]+")
    found = {}
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a sample in another encoding, or not text
        if hits := pattern.findall(text):
            found[str(path.relative_to(ROOT))] = hits[:3]
    assert found == {}


def test_the_check_for_places_can_fail() -> None:
    assert re.search("|".join(HOMES), "see /ho" + "me/kim/notes")


def test_nothing_is_left_for_later() -> None:
    """A note to oneself is an issue that nobody will find. What `recon sniff` leaves its user to confirm is none."""
    word = re.compile(r"\b(TO" + r"DO(?! confirm)|FIX" + r"ME)\b")
    code = [
        path for path in tracked() if path.suffix in (".py", ".yaml", ".toml", ".j2", ".sh") or path.name == "Makefile"
    ]
    assert code
    assert [str(path.relative_to(ROOT)) for path in code if word.search(path.read_text(encoding="utf-8"))] == []


def test_the_newest_migration_is_the_one_that_a_night_looks_for() -> None:
    """A night asks Alembic only where the database is not at this revision."""
    from alembic.script import ScriptDirectory

    from recon.store.state import NEWEST

    assert ScriptDirectory(str(ROOT / "recon" / "store" / "migrations")).get_heads() == [NEWEST]
