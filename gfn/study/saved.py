"""The final policy of a training in a file beside the run's own: safetensors, with the run and the code it belongs to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

import gfn
from gfn.runs.provenance import source_fingerprint
from gfn.runs.spec import TrainingSpec
from gfn.runs.training import UNSIGNED, Trainer, replacing
from gfn.study.whole import ResultError, content_of

SUFFIX = ".safetensors"


def policy_path(path: Path) -> Path:
    """Where the policy of the run in this file is kept, if it is."""
    return path.with_suffix(SUFFIX)


def write_policy(path: Path, trainer: Trainer) -> None:
    """Write the networks of all seeds and log Z with a SHA-256, atomically: another process sees the whole file or none.

    Tensors have the names that they have in a checkpoint: ``policy.``, ``backward.`` where it is learned, and ``flow.``
    where there is one, before those of the network, the seeds along the first axis; and ``log_z``, ``[R, 1]``.
    """
    networks = {"policy": trainer.policy, "backward": trainer.backward, "flow": trainer.flow}
    states = {part: network.state_dict() for part, network in networks.items() if network is not None}
    tensors = {f"{part}.{name}": value for part, state in states.items() for name, value in state.items()}
    tensors["log_z"] = trainer.log_z
    about = {"sha256": UNSIGNED.decode(), "gfn": gfn.__version__, "run": trainer.spec.hash}
    about |= {"source": source_fingerprint(trainer.spec), "seeds": list(trainer.spec.seeds)}
    content = save({name: value.detach().cpu().clone() for name, value in tensors.items()}, {"gfn": json.dumps(about)})
    with replacing(path) as partial:
        partial.write_bytes(content.replace(UNSIGNED, hashlib.sha256(content).hexdigest().encode(), 1))


def read_policy(path: Path, spec: TrainingSpec, source: str) -> dict[str, Tensor]:
    """The tensors of :func:`write_policy`, after a check that they are whole and belong to a run.

    Arguments:
        path: of the policy.
        spec: of the run.
        source: fingerprint of the code that made the run, as it stands there.

    Raises:
        ResultError: if there is none, or it is damaged, foreign or of another run, in one sentence.
    """
    content = content_of(path)
    try:
        size = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["gfn"])
        signed, run, made_by = (about[name] for name in ("sha256", "run", "source"))
        digest = signed.encode()
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        raise ResultError(f"{path} is not a policy of this project, or is truncated") from None
    if hashlib.sha256(content.replace(digest, UNSIGNED, 1)).hexdigest() != signed:
        raise ResultError(f"{path} is damaged or was edited: it has not the checksum with which it was written")
    if (run, made_by) != (spec.hash, source):
        other = f"run {run}" if run != spec.hash else "a run that other code made"
        raise ResultError(f"{path} is the policy of {other}, not of the run beside it")
    try:
        return load(content)
    except (SafetensorError, ValueError):
        raise ResultError(f"{path} is not a whole policy") from None
