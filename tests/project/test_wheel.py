"""The built wheel stands on its own: installed into an empty environment, away from the checkout, it runs the demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, timeout: int = 600) -> str:
    """stdout and stderr of a command that has to succeed, in an environment that knows nothing of the checkout."""
    kept = ("PATH", "HOME", "SSL_CERT_FILE", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "UV_INDEX_URL", "UV_CACHE_DIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    [path] = folder.glob("payrecon-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `recon` of an environment that holds the wheel and its dependencies, nothing else."""
    venv = tmp_path_factory.mktemp("empty") / "venv"
    if shutil.which("uv"):  # seconds instead of a minute; the same packages
        run("uv", "venv", "--quiet", "--python", sys.executable, venv, cwd=venv.parent)
        run("uv", "pip", "install", "--quiet", "--python", venv / "bin" / "python", wheel, cwd=venv.parent)
    else:
        run(sys.executable, "-m", "venv", venv, cwd=venv.parent)
        run(venv / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, cwd=venv.parent)
    return venv / "bin" / "recon"


def test_the_wheel_holds_rules_templates_types_and_licence_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    rules = {path.relative_to(ROOT / "rules") for path in (ROOT / "rules").rglob("*.yaml")}
    templates = {
        path.relative_to(ROOT / "reports" / "templates") for path in (ROOT / "reports" / "templates").rglob("*.*")
    }
    assert {f"recon/shipped/rules/{path}" for path in rules} <= names
    assert {f"recon/shipped/templates/{path}" for path in templates} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert "recon/py.typed" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"recon"}


def test_the_installed_wheel_runs_a_night_of_the_demo(installed: Path, tmp_path: Path) -> None:
    assert "Commands" in run(installed, "--help", cwd=tmp_path)
    run(installed, "demo", "shop", "--payments", "300", "--no-run", cwd=tmp_path)
    run(installed, "run", "--date", "2026-10-08", cwd=tmp_path / "shop")
    page = (tmp_path / "shop" / "nights" / "2026-10-08" / "report.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "2026-10-08" in page


@pytest.mark.soak
def test_the_installed_wheel_runs_the_demo_with_all_its_nights(installed: Path, tmp_path: Path) -> None:
    said = run(installed, "demo", "shop", "--payments", "300", cwd=tmp_path)
    assert "recall 100.0%" in said
