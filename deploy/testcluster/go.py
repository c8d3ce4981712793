"""Go, and what is built or read out of its modules: Kubernetes' own programs, a DNS server, and definitions of resources."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from deploy.local.errors import PrerequisiteError
from deploy.testcluster import cache

KUBERNETES = "1.34.4"
COREDNS = "1.12.4"
PLUGINS = ("bind", "errors", "ready", "kubernetes")
GO_MIN = (1, 24)

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
NODE = ("kubelet",)

# Module -> where its published definitions of resources are.
DEFINITIONS = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd",
    "github.com/kedacore/keda/v2@v2.21.0": "config/crd/bases",
}

_NO_C = {"CGO_ENABLED": "0"}


def find_go() -> str:
    """The `go` to build with.

    Raises:
        PrerequisiteError: There is none, or it's too old.
    """
    advice = f"Go {GO_MIN[0]}.{GO_MIN[1]} or newer builds Kubernetes' programs; Debian 12's is older"
    go = shutil.which("go")
    if go is None:
        raise PrerequisiteError(f"go was not found on PATH. {advice}")
    version = re.search(r"go(\d+)\.(\d+)", cache.run([go, "version"], Path.cwd()))
    if version is None or (int(version[1]), int(version[2])) < GO_MIN:
        raise PrerequisiteError(f"{go} is too old. {advice}")
    return go


def kubernetes(programs: tuple[str, ...]) -> dict[str, Path]:
    """Programs of Kubernetes by name, built the first time: the control plane takes some minutes."""
    return {name: _kubernetes(programs) / name for name in programs}


def _kubernetes(programs: tuple[str, ...]) -> Path:
    def build(folder: Path) -> None:
        go = find_go()
        print(f"building {', '.join(programs)} {KUBERNETES} once ...", file=sys.stderr, flush=True)
        module = folder / "module"
        module.mkdir()
        (module / "go.mod").write_text(_module(go, module))
        major, minor, _ = KUBERNETES.split(".")
        version = "k8s.io/component-base/version"
        flags = (
            f"-s -w -X {version}.gitVersion=v{KUBERNETES} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
        )
        packages = [f"k8s.io/kubernetes/cmd/{name}" for name in programs]
        command = [go, "build", "-mod=mod", "-trimpath", "-ldflags", flags, "-o", f"{folder}/", *packages]
        cache.run(command, module, _NO_C)

    return cache.once(f"kubernetes-{KUBERNETES}-{'-'.join(sorted(programs))}", build)


def _module(go: str, folder: Path) -> str:
    """A go.mod which needs Kubernetes, with its parts from where they are published instead of from its own tree."""
    wanted = f"k8s.io/kubernetes@v{KUBERNETES}"
    theirs = Path(json.loads(cache.run([go, "mod", "download", "-json", wanted], folder, _NO_C))["GoMod"]).read_text()
    version = re.search(r"^go (\S+)$", theirs, re.MULTILINE)
    parts = re.findall(r"(k8s\.io/\S+) => \./staging/", theirs)
    if version is None or not parts:
        raise ValueError(f"the go.mod of {wanted} is not as expected")
    replaced = "".join(f"\t{part} => {part} v0.{KUBERNETES.split('.', 1)[1]}\n" for part in parts)
    return (
        f"module testcluster\n\ngo {version[1]}\n\nrequire k8s.io/kubernetes v{KUBERNETES}\n\nreplace (\n{replaced})\n"
    )


def coredns() -> Path:
    """The DNS server of a cluster, with no more of its plugins than that takes, built the first time."""

    def build(folder: Path) -> None:
        go = find_go()
        print(f"building coredns {COREDNS} once ...", file=sys.stderr, flush=True)
        module = folder / "module"
        module.mkdir()
        (module / "go.mod").write_text(
            f"module testdns\n\ngo {GO_MIN[0]}.{GO_MIN[1]}.0\n\nrequire github.com/coredns/coredns v{COREDNS}\n"
        )
        imported = "".join(f'\t_ "github.com/coredns/coredns/plugin/{name}"\n' for name in PLUGINS)
        (module / "main.go").write_text(
            f'package main\n\nimport (\n{imported}\n\t"github.com/coredns/coredns/coremain"\n)\n\n'
            "func main() { coremain.Run() }\n"
        )
        command = [go, "build", "-mod=mod", "-trimpath", "-ldflags", "-s -w", "-o", f"{folder}/coredns", "."]
        cache.run(command, module, _NO_C)

    return cache.once(f"coredns-{COREDNS}", build) / "coredns"


def definitions() -> list[Path]:
    """Folders with the CustomResourceDefinitions of the Prometheus operator and of KEDA, as they publish them."""

    def fetch(folder: Path) -> None:
        go = find_go()
        for number, (module, inside) in enumerate(DEFINITIONS.items()):
            found = json.loads(cache.run([go, "mod", "download", "-json", module], folder, _NO_C))["Dir"]
            shutil.copytree(Path(found, inside), folder / str(number))

    versions = "-".join(module.rsplit("@", 1)[1] for module in DEFINITIONS)
    return sorted(cache.once(f"definitions-{versions}", fetch).iterdir())
