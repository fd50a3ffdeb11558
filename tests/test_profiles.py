"""The profiles of profiles/: their options exist, the graph can be planned with each, and jobs run as they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from gfn.study.experiments import every_run
from gfn.study.results import describe, read_run
from tests.processes import FORKS, speak_into

ROOT = Path(__file__).parents[1]
PROFILES = {path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob("profiles/*/config.yaml"))}
PLUGINS = {"slurm": "snakemake_executor_plugin_slurm", "kubernetes": "snakemake_executor_plugin_kubernetes"}
GUIDE = (ROOT / "book" / "guide" / "cluster.md").read_text(encoding="utf-8")


def snakemake(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Snakemake with its output as text, the plugin of profiles/kubernetes among the others.

    The process is forked of one that has loaded what the Snakefile loads, which takes longer than all else.
    """
    paths = [str(cwd), str(cwd / "profiles" / "kubernetes")]
    variables |= {"PYTHONPATH": os.pathsep.join(paths)}
    variables |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        process = FORKS.Process(target=_snakemake, args=(folder, arguments, str(cwd), paths, variables))
        process.start()
        process.join(300)
        assert process.exitcode is not None, "Snakemake does not come to its end"
        out, err = ((Path(folder) / name).read_text() for name in ("out", "err"))
    return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def _snakemake(folder: str, arguments: tuple[str, ...], cwd: str, paths: list[str], variables: dict[str, str]) -> None:
    speak_into(folder)
    os.chdir(cwd)
    sys.path[:0] = paths
    os.environ |= variables
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    main()


@cache
def options() -> set[str]:
    """Every option of Snakemake and its plugins."""
    return set(re.findall(r"--([a-z][a-z-]+)", snakemake("--help").stdout))


@cache
def groups(*config: str) -> dict[str, Counter[str]]:
    """The rules that make runs, each with the number of runs of each task that its name gives."""
    listed = re.findall(r"^(runs_\d+)_(\w+)$", snakemake("--list-rules", "--config", *config).stdout, re.M)
    counted = {f"{start}_{held}": re.findall(r"([a-z_]+)_(\d+)(?:_|$)", held) for start, held in listed}
    return {name: Counter({task: int(count) for task, count in found}) for name, found in counted.items()}


def needs_plugin(name: str) -> None:
    if name in PLUGINS:
        pytest.importorskip(PLUGINS[name], reason="the extra cluster is not installed")


def test_there_are_three_places():
    assert set(PROFILES) == {"local", "slurm", "kubernetes"}
    assert all(f"profiles/{name} --config" in GUIDE or f"profiles/{name} --cores" in GUIDE for name in PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_options_exist(name):
    """Snakemake itself overlooks an option that it does not know, where it stands in a profile."""
    needs_plugin(name)
    assert set(PROFILES[name]) <= options()


@pytest.mark.parametrize("name", PROFILES)
def test_the_graph_can_be_planned(name):
    """From nothing: all runs, all notebooks, the book."""
    needs_plugin(name)
    planned = snakemake("--profile", f"profiles/{name}", "--dry-run", "--config", "profile=smoke")
    assert planned.returncode == 0, planned.stderr
    output = planned.stdout + planned.stderr
    assert "Nothing to be done" in output or re.search(r"^total +\d+$", output, re.M)


def test_clusters_try_again_and_keep_going():
    """And say which jobs failed, which Snakemake does not where it is quiet about rules."""
    for name in ("slurm", "kubernetes"):
        assert PROFILES[name]["retries"] >= 1
        assert PROFILES[name]["keep-going"]
        assert "rules" not in PROFILES[name]["quiet"]
    assert all(options["rerun-incomplete"] for options in PROFILES.values())
    assert all(set(options["rerun-triggers"]) == {"mtime", "params", "input"} for options in PROFILES.values())


@pytest.mark.parametrize("profile", ["smoke", "edition"])
def test_groups_are_named_by_what_they_hold(profile):
    """Task by task; all together hold every run once."""
    found = groups(f"profile={profile}")
    assert len(found) > 1
    assert all(name.isidentifier() and held for name, held in found.items())
    assert sum(found.values(), Counter()) == Counter(spec.task.task for spec in every_run(profile).values())


def test_what_failed_is_named(tmp_path):
    """The group, also where Snakemake is quiet about rules, and the run: here no result can take the place of a folder."""
    for name in ("Snakefile", "gfn", "book", "data", "profiles", "_config.yml"):
        (tmp_path / name).symlink_to(ROOT / name)
    planned = every_run("smoke")
    for key in planned:
        (tmp_path / "build" / "smoke" / "results" / f"{key}.parquet" / "taken").mkdir(parents=True)
    (group, *_) = groups("profile=smoke")
    local = ("--profile", "profiles/local", "--cores", "1", "--config", "profile=smoke")
    done = snakemake(*local, "--", group, cwd=tmp_path)
    assert done.returncode == 1
    assert f"\ngfn: {group} failed\n" in done.stderr
    ((key, what),) = re.findall(r"^gfn: run (\w+) failed \((.+?)\): .*directory.*$", done.stderr, re.M)
    assert what == describe(planned[key])
    assert planned[key].task.task in groups("profile=smoke")[group]
    assert not [path for path in (tmp_path / "build" / "smoke").glob("made/*")]


def test_plugins_are_pinned():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    versions = dict(line.split("==") for line in pins if "==" in line)
    for line in extra["cluster"]:
        requirement = Requirement(line)
        assert Version(versions[requirement.name]) in requirement.specifier


class StandIn(BaseHTTPRequestHandler):
    """As much of the Kubernetes API as the executor asks for. A job's command runs at once, as a container would run
    it: in an empty folder, with nothing but the variables of the image.
    """

    jobs: dict[str, dict]
    states: dict[str, dict]
    image: dict[str, str]
    folder: Path

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = body["metadata"]["name"]
        if self.path.endswith("/jobs"):
            self.jobs[name] = body
            (container,) = body["spec"]["template"]["spec"]["containers"]
            (self.folder / name).mkdir()
            command = [*container["command"], *container["args"]]
            with (self.folder / f"{name}.log").open("w") as log:
                done = subprocess.run(command, cwd=self.folder / name, env=self.image, stdout=log, stderr=log)
            self.states[name] = {"succeeded": 1} if done.returncode == 0 else {"failed": 1}
        self.answer(body)

    def do_GET(self):
        name = self.path.split("/jobs/")[-1].removesuffix("/status")
        self.answer({"items": []} if "/pods" in self.path else {"status": self.states[name]})

    def do_DELETE(self):
        self.answer({})

    def answer(self, body: dict) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *arguments):
        """Nothing: the test prints what matters."""


@pytest.fixture
def kubernetes(tmp_path: Path) -> Iterator[type[StandIn]]:
    """A stand-in of Kubernetes that answers at an address of this machine, found as a cluster is."""

    class Cluster(StandIn):
        jobs, states, folder = {}, {}, tmp_path / "pods"

    Cluster.folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    user = {"name": "it", "user": {"token": "none"}}
    cluster = {"name": "it", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
    config = {"current-context": "it", "contexts": [context], "clusters": [cluster], "users": [user]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    yield Cluster
    server.shutdown()
    server.server_close()


def test_kubernetes_jobs_work_on_the_shared_volume(kubernetes, tmp_path):
    """A job of the smoke profile, through the executor, against a stand-in that runs its command on this machine."""
    needs_plugin("kubernetes")
    volume = tmp_path / "volume"
    volume.mkdir()
    for name in ("Snakefile", "gfn", "book", "data", "profiles", "_config.yml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, volume / name)
    # The image: a Python with the package's requirements, which finds the code on the volume.
    paths = f"{volume}:{volume / 'profiles' / 'kubernetes'}"
    config = ("profile=smoke", "share=30")
    several = {name: held for name, held in groups(*config).items() if held.total() > 1}
    group = min(several, key=lambda name: several[name].total())
    kubernetes.image = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/tmp", "PYTHONPATH": paths}
    done = snakemake(
        *("--profile", "profiles/kubernetes", "--latency-wait", "5", "--retries", "0"),
        *("--kubernetes-volume-persistent-volumes", f"gfn:{volume}"),
        *("--seconds-between-status-checks", "1", "--config", *config, "--", group),
        cwd=volume,
        KUBECONFIG=str(tmp_path / "kubeconfig"),
    )
    logs = "\n".join(path.read_text() for path in kubernetes.folder.glob("*.log"))
    assert done.returncode == 0, done.stderr + logs
    made = [read_run(path) for path in (volume / "build/smoke/results").glob("*.parquet")]
    assert Counter(run.spec.task.task for run in made) == several[group]
    (job,) = kubernetes.jobs.values()
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {"name": "gfn", "mountPath": str(volume)} in container["volumeMounts"]
    assert container["image"] == PROFILES["kubernetes"]["container-image"]
    assert container["resources"]["requests"]["memory"] == "4096M"
