"""The wheel works without a checkout: templates, mappings, scripts and the Procfile are inside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from config.settings import INSTALLED
from operators.processes import procfile

_PACKED = (
    "config",
    "domain",
    "ledger",
    "coordination",
    "ground",
    "producers",
    "worker",
    "operators",
    "sandbox",
    "templates",
)
_FILES = ("pyproject.toml", "README.md", "LICENSE", "Procfile", ".env.example")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with our wheel, and with the libraries of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    for name in _PACKED:
        shutil.copytree(INSTALLED / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy(INSTALLED / name, tree / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(tree)]
    subprocess.run([*pip, *build], check=True)
    made = folder / "environment"
    venv.create(made, with_pip=False)
    python = made / "bin" / "python"
    [wheel] = folder.glob("*.whl")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)], check=True)
    [site] = (made / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made


def in_folder(environment: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment in a folder, without any setting of ours."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("HCC_", "PYTHON"))}
    program = environment / "bin" / command[0]
    return subprocess.run(
        [program, *command[1:]], cwd=folder, env=settings, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(300)
def test_doctor_of_the_wheel_finds_templates_and_mappings(environment: Path, tmp_path: Path) -> None:
    """It names what is not set in an empty folder, and has no fault that a missing file would cause."""
    done = in_folder(environment, tmp_path, "hcc", "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1, "no OA is set in an empty folder"
    assert checks["mẫu tin"]["ok"], checks["mẫu tin"]
    assert str(INSTALLED) not in done.stdout


def test_a_text_is_rendered_from_the_wheels_own_templates(environment: Path, tmp_path: Path) -> None:
    """`hcc preview` needs the template, its sample and the settings' defaults."""
    done = in_folder(environment, tmp_path, "hcc", "preview", "accepted")
    assert done.returncode == 0, done.stderr
    assert "đã tiếp nhận hồ sơ" in done.stdout


def test_the_wheel_brings_the_pages_of_the_console(environment: Path, tmp_path: Path) -> None:
    """Templates, words, the sheet and the script."""
    code = (
        "from config.settings import INSTALLED; from operators.console.words import words; "
        "files = ['templates/console/base.html', 'templates/console/mfa/totp/activate_form.html', "
        "'templates/poster/poster.typ', "
        "*(f'operators/console/static/console/{name}' "
        "for name in ('console.css', 'console.js', 'guide.css', 'icon.svg'))]; "
        "assert words('vi').keys() == words('en').keys(); "
        "print([file for file in files if not (INSTALLED / file).is_file()])"
    )
    done = in_folder(environment, tmp_path, "python", "-c", code)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_wheel_brings_the_procfile_and_the_scripts_of_redis(environment: Path, tmp_path: Path) -> None:
    """`hcc up` starts the processes of the Procfile; a Lua script stands beside each module that needs one."""
    code = (
        "import json; from coordination import limits, marks; from coordination.connection import lua_beside; "
        "from operators.processes import procfile; from producers.dossiers.mapping import SOURCES; "
        "assert lua_beside(limits.__file__) and lua_beside(marks.__file__); "
        "print(json.dumps([procfile(), sorted(one.stem for one in SOURCES.glob('*.toml'))]))"
    )
    done = in_folder(environment, tmp_path, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [procfile(), ["mot-cua", "reference"]]
