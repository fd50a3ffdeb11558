"""What depends on what: runs -> notebooks -> book.

A run is made again when its specification or the code that makes results changes, a notebook when
its runs or any code change, the book when any page does.
"""

import os
import re
from collections import Counter
from hashlib import sha256
from pathlib import Path

from gfn.runs.provenance import package_fingerprint
from gfn.study.edition import TABLES
from gfn.study.experiments import PARTS, PROFILES, every_run, figures, runs
from gfn.study.groups import groups
from gfn.study.verdicts import page_of

known = {"profile", "build", "share", "part"}
if unknown := sorted(set(config) - known):
    raise WorkflowError(f"config {unknown[0]} is not allowed: {', '.join(sorted(known))}")
PROFILE = str(config.get("profile", "paper"))
if PROFILE not in PROFILES["verdicts"]:
    raise WorkflowError(f"config profile = {PROFILE!r} is not allowed: {', '.join(PROFILES['verdicts'])}")
BUILD = str(config.get("build", f"build/{PROFILE}"))
if not re.fullmatch(r"[\w./-]+", BUILD):  # it stands in commands
    raise WorkflowError(f"config build = {BUILD!r} is not allowed: a path of letters, digits, dots, dashes and slashes")
PART = str(config.get("part", "all"))
if PART not in PARTS:
    raise WorkflowError(f"config part = {PART!r} is not allowed: {', '.join(PARTS)}")
RESULTS = f"{BUILD}/results"
SHOWN = figures(PART)
SOURCES = {name: f"book/{page_of(name)}.ipynb" for name in figures()}
RUNS = {name: runs(name, PROFILE) for name in SHOWN}
PRESENTATION = sorted(str(path) for path in Path("gfn/study").rglob("*.py"))
CODE = package_fingerprint()
PAGES = [str(p) for p in sorted(Path("book").rglob("*")) if p.is_file() and p.suffix not in (".ipynb", ".pyc", ".csv")]
# One thread a process, in the jobs of every executor as in those of the Makefile.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
COPIES = [f"cp {BUILD}/notebooks/{name}.ipynb {BUILD}/source/{page_of(name)}.ipynb" for name in SHOWN]
COPIES += [f"cp {BUILD}/notebooks/{name}.csv {BUILD}/source/{page_of(name)}.csv" for name in SHOWN if name in TABLES]
COPIES += [f"cp {BUILD}/results.png {BUILD}/results.html {BUILD}/source/_static/"]
COPIES += [f"python scripts/paper_part.py {BUILD}/source"] if PART == "paper" else []
JUPYTER_BOOK = "jupyter-book build -n -W --keep-going --quiet"
# What part of all that is left one process makes: a smaller one for more machines, a larger one where starting takes
# longer than the runs.
share = str(config.get("share", 1 if PROFILE == "smoke" else 6))
if not re.fullmatch("[1-9][0-9]{0,5}", share):
    raise WorkflowError(f"config share = {share!r} is not allowed: a whole number from 1")
SHARE = 1 / int(share)


# The runs of the paper's pages, then those that only the others have: so they are grouped alike for either part.
PAPER, EVERY = (every_run(PROFILE, part) for part in ("paper", PART))
GROUPS = [*groups(PAPER, SHARE), *groups({key: spec for key, spec in EVERY.items() if key not in PAPER}, SHARE)]


# Too small to be sent anywhere.
localrules:
    picture,


rule all:
    input:
        f"{BUILD}/book/_build/html/index.html",
        f"{BUILD}/results.png",


MADE = {}  # for each run, the mark that its group leaves when all of it is stored

for number, (group, size) in enumerate(GROUPS):
    held = "_".join(f"{task}_{count}" for task, count in Counter(EVERY[key].task.task for key in group).items())
    mark = f"{BUILD}/made/{number}-{sha256(' '.join(group).encode()).hexdigest()[:8]}"
    MADE |= dict.fromkeys(group, mark)

    # Runs themselves are no outputs, since Snakemake deletes those of a job that was interrupted.
    rule:
        name:
            f"runs_{number}_{held}"
        output:
            touch(mark),
        params:
            source=CODE,  # the command itself knows which runs it concerns
            only=[f"--only {key}" for key in group],
        priority: int(size)
        shell:
            # Where Snakemake is quiet about rules, it does not say which of them failed.
            "gfn reproduce all --profile {PROFILE} {params.only} --current --out {RESULTS} > /dev/null"
            " || {{ status=$?; echo 'gfn: {rule} failed' >&2; exit $status; }}"


rule notebook:
    input:
        lambda wildcards: SOURCES[wildcards.name],
        lambda wildcards: sorted({MADE[key] for key in RUNS[wildcards.name]}),
        PRESENTATION,
        "data/paper/claims.yaml",
        "data/beyond/questions.yaml",
        "data/paper/verdicts_v1.csv",
        "data/paper/table1.csv",
    output:
        f"{BUILD}/notebooks/{{name}}.ipynb",
    params:
        source=CODE,  # some show more than their runs: exact answers, the tasks themselves
    shell:
        "GFN_RESULTS=$PWD/{RESULTS} GFN_DATA_OUT=$PWD/{BUILD}/notebooks "
        "python scripts/execute_notebook.py {input[0]} {output} --profile {PROFILE}"


rule picture:
    """The picture of the README and the landing page: the first figure of the page that compares all objectives."""
    input:
        lambda wildcards: sorted({MADE[key] for key in RUNS["fig3"]}),
        PRESENTATION,
        "scripts/first_picture.py",
    output:
        f"{BUILD}/results.png",
        f"{BUILD}/results.html",
    params:
        source=CODE,
    shell:
        "GFN_RESULTS=$PWD/{RESULTS} python scripts/first_picture.py {output[0]} --profile {PROFILE}"


rule book:
    input:
        PAGES,
        "_config.yml",
        Path("gfn").rglob("*.py"),
        f"{BUILD}/results.html",
        notebooks=expand(f"{BUILD}/notebooks/{{name}}.ipynb", name=SHOWN),
    output:
        f"{BUILD}/book/_build/html/index.html",
    params:
        part=PART,
    shell:
        # With pages of another part, a book there is not added to.
        "rm -rf {BUILD}/source {BUILD}/book && cp -r book {BUILD}/source && " + " && ".join(COPIES) + " && "
        "GFN_RESULTS=$PWD/{RESULTS} gfn verdicts --profile {PROFILE} --write {BUILD}/source/intro.md > /dev/null && "
        "GFN_RESULTS=$PWD/{RESULTS} {JUPYTER_BOOK} {BUILD}/source --config _config.yml --path-output {BUILD}/book"


rule preview:
    """The book from the notebooks as they are committed, with their outputs."""
    input:
        PAGES,
        "_config.yml",
        SOURCES.values(),
        Path("gfn").rglob("*.py"),
    output:
        "build/preview/book/_build/html/index.html",
    shell:
        "rm -rf build/preview/source build/preview/book && cp -r book build/preview/source && "
        "GFN_RESULTS=$PWD/data/results {JUPYTER_BOOK} build/preview/source --config _config.yml --path-output build/preview/book"
