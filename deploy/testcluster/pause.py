"""The image of the container that holds a pod's namespaces: one small program that waits."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from deploy.built import cache, go

PAUSE = "docker.io/library/pause:test"

_PROGRAM = """\
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
}
"""


def archive() -> Path:
    """It as `docker save` would write it, made the first time."""

    def build(folder: Path) -> None:
        (folder / "pause.go").write_text(_PROGRAM)
        go.run("build", "-o", "pause", "pause.go", folder=folder)
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(folder / "pause", "pause")
        digest = hashlib.sha256(layer.getvalue()).hexdigest()
        image = {
            "architecture": go.run("env", "GOARCH", folder=folder).strip(),
            "os": "linux",
            "config": {"Entrypoint": ["/pause"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
        manifest = [{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]
        parts = {
            "layer.tar": layer.getvalue(),
            "config.json": json.dumps(image).encode(),
            "manifest.json": json.dumps(manifest).encode(),
        }
        with tarfile.open(folder / "image.tar", "w") as tar:
            for name, content in parts.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))

    return cache.once("pause", build) / "image.tar"
