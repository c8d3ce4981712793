"""What is built or read out of Go's modules: Kubernetes' own programs, a DNS server, and definitions of resources."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from deploy.built import cache, go

KUBERNETES = "1.34.4"
COREDNS = "1.12.4"
PLUGINS = ("bind", "errors", "ready", "kubernetes")

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
NODE = ("kubelet",)

# Module -> where its published definitions of resources are.
DEFINITIONS = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd",
    "github.com/kedacore/keda/v2@v2.21.0": "config/crd/bases",
}


def kubernetes(programs: tuple[str, ...]) -> dict[str, Path]:
    """Programs of Kubernetes by name, built the first time: the control plane takes some minutes."""
    return {name: _kubernetes(programs) / name for name in programs}


def _kubernetes(programs: tuple[str, ...]) -> Path:
    def build(folder: Path) -> None:
        print(f"building {', '.join(programs)} {KUBERNETES} once ...", file=sys.stderr, flush=True)
        module = folder / "module"
        module.mkdir()
        (module / "go.mod").write_text(_module(module))
        major, minor, _ = KUBERNETES.split(".")
        version = "k8s.io/component-base/version"
        flags = f"-X {version}.gitVersion=v{KUBERNETES} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
        packages = [f"k8s.io/kubernetes/cmd/{name}" for name in programs]
        go.build(folder, *packages, folder=module, flags=flags)

    return cache.once(f"kubernetes-{KUBERNETES}-{'-'.join(sorted(programs))}", build)


def _module(folder: Path) -> str:
    """A go.mod which needs Kubernetes, with its parts from where they are published instead of from its own tree."""
    wanted = f"k8s.io/kubernetes@v{KUBERNETES}"
    theirs = Path(go.fetched(wanted, folder)["GoMod"]).read_text()
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
        print(f"building coredns {COREDNS} once ...", file=sys.stderr, flush=True)
        module = folder / "module"
        module.mkdir()
        (module / "go.mod").write_text(
            f"module testdns\n\ngo {go.OLDEST[0]}.{go.OLDEST[1]}.0\n\nrequire github.com/coredns/coredns v{COREDNS}\n"
        )
        imported = "".join(f'\t_ "github.com/coredns/coredns/plugin/{name}"\n' for name in PLUGINS)
        (module / "main.go").write_text(
            f'package main\n\nimport (\n{imported}\n\t"github.com/coredns/coredns/coremain"\n)\n\n'
            "func main() { coremain.Run() }\n"
        )
        go.build(folder / "coredns", ".", folder=module)

    return cache.once(f"coredns-{COREDNS}", build) / "coredns"


def definitions() -> list[Path]:
    """Folders with the CustomResourceDefinitions of the Prometheus operator and of KEDA, as they publish them."""

    def fetch(folder: Path) -> None:
        for number, (module, inside) in enumerate(DEFINITIONS.items()):
            shutil.copytree(Path(go.fetched(module, folder)["Dir"], inside), folder / str(number))

    versions = "-".join(module.rsplit("@", 1)[1] for module in DEFINITIONS)
    return sorted(cache.once(f"definitions-{versions}", fetch).iterdir())
