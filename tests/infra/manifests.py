"""The manifests as kustomize renders them; used by the tests of their form, and by those that apply them."""

import json
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.needs import program

KUBERNETES = Path(__file__).parents[2] / "infra" / "kubernetes"
OVERLAYS = tuple(sorted(one.name for one in (KUBERNETES / "overlays").iterdir()))
Manifest = dict[str, Any]


def rendered(overlay: str) -> list[Manifest]:
    """Every object of an overlay."""
    kubectl = program("kubectl", "kubernetes-client")
    version = json.loads(said(kubectl, "version", "--client", "--output=json"))["clientVersion"]["gitVersion"]
    if int(version.split(".")[1]) >= 21:
        text = said(kubectl, "kustomize", str(KUBERNETES / "overlays" / overlay))
    else:
        with TemporaryDirectory() as folder:
            text = said(kubectl, "kustomize", str(in_old_words(Path(folder) / "kubernetes") / "overlays" / overlay))
    return [one for one in yaml.safe_load_all(text) if one]


def said(*command: str) -> str:
    """What a command says; a warning, such as of a deprecated field, is a failure."""
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def in_old_words(folder: Path) -> Path:
    """A copy of the manifests for the kustomize of kubectl before 1.21 (Debian 12 has 1.20): the same, said its way."""
    shutil.copytree(KUBERNETES, folder)
    for path in folder.rglob("kustomization.yaml"):
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        if table["kind"] == "Component":
            del table["kind"], table["apiVersion"]
        bases = [one for one in table.get("resources", []) if not one.endswith(".yaml")] + table.pop("components", [])
        table["resources"] = [one for one in table.get("resources", []) if one.endswith(".yaml")]
        table["bases"] = bases
        table["patchesStrategicMerge"] = [one["path"] for one in table.pop("patches", [])]
        path.write_text(yaml.safe_dump(table), encoding="utf-8")
    return folder


def named(objects: list[Manifest], kind: str, name: str = "baseload") -> Manifest:
    """The one object of a kind and name."""
    (found,) = [one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    """The pod specs by what makes the pods."""
    return {
        "Deployment": named(objects, "Deployment")["spec"]["template"]["spec"],
        "CronJob": named(objects, "CronJob", "baseload-plan")["spec"]["jobTemplate"]["spec"]["template"]["spec"],
    }
