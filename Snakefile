"""What depends on what: runs -> notebooks -> book.

A run is made again when its specification or the code that makes results changes, a notebook when
its runs or the code that presents them change, the book when any page does.
"""

import os
from itertools import islice
from pathlib import Path

from gfn.experiments import FIGURES, runs
from gfn.provenance import source_fingerprint
from gfn.verdicts import page_of

PROFILE = config.get("profile", "paper")
BUILD = f"build/{PROFILE}"
RESULTS = f"{BUILD}/results"
SOURCES = {name: f"book/{page_of(name)}.ipynb" for name in FIGURES}
RUNS = {name: runs(name, PROFILE) for name in FIGURES}
TABLES = [name for name in FIGURES if name not in ("tasks", "verdicts")]
PRESENTATION = [
    *(f"gfn/{name}.py" for name in ("claims", "notebook", "paper", "results", "verdicts")),
    *sorted(str(path) for folder in ("evidence", "experiments", "plotting") for path in Path("gfn", folder).glob("*.py")),
]
PAGES = [str(p) for p in sorted(Path("book").rglob("*")) if p.is_file() and p.suffix not in (".ipynb", ".pyc", ".csv")]
# One thread a process, in the jobs of every executor as in those of the Makefile.
os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
JUPYTER_BOOK = "jupyter-book build -n -W --keep-going --quiet"


def is_slow(spec):
    return spec.kind == "gradient" or spec.task.task in ("sets", "phylogenetics")


def groups():
    """Runs that one process makes: of one figure, each run once although figures share runs.

    Starting a process takes longer than a smoke run, so there it makes them all; at other scales
    it makes one slow run or a few others.
    """
    seen = set()
    for figure, found in RUNS.items():
        for slow in (True, False):
            keys = iter([key for key, spec in found.items() if key not in seen and is_slow(spec) is slow])
            size = 1000 if PROFILE == "smoke" else 1 if slow else 8
            while group := list(islice(keys, size)):
                yield figure, group
        seen |= set(found)


# Too small to be sent anywhere.
localrules:
    picture,


rule all:
    input:
        f"{BUILD}/book/_build/html/index.html",
        f"{BUILD}/results.png",


for figure, group in groups():
    rule:
        name:
            f"runs_{figure}_{group[0]}"
        output:
            [f"{RESULTS}/{key}.parquet" for key in group],
        params:
            source=source_fingerprint(),
            figure=figure,
            only=[f"--only {key}" for key in group],
        # The slow ones first, so that no core is left with one at the end.
        priority: int(is_slow(RUNS[figure][group[0]]))
        shell:
            "gfn reproduce {params.figure} --profile {PROFILE} {params.only} --out {RESULTS} > /dev/null"


rule notebook:
    input:
        lambda wildcards: SOURCES[wildcards.name],
        lambda wildcards: [f"{RESULTS}/{key}.parquet" for key in RUNS[wildcards.name]],
        PRESENTATION,
        "data/paper/claims.yaml",
        "data/paper/table1.csv",
    output:
        f"{BUILD}/notebooks/{{name}}.ipynb",
    run:
        import nbformat
        import papermill

        os.environ["GFN_RESULTS"] = os.path.abspath(RESULTS)
        os.environ["GFN_DATA_OUT"] = os.path.abspath(f"{BUILD}/notebooks")
        parameters = {} if PROFILE == "edition" else {"profile": PROFILE}
        notebook = papermill.execute_notebook(input[0], None, parameters, kernel_name="python3", progress_bar=False)
        # What papermill notes down (times, paths) would differ from run to run.
        notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec", "language_info")}
        for number, cell in enumerate(notebook.cells):
            cell.id = f"{wildcards.name}-{number}"
            cell.metadata = {key: cell.metadata[key] for key in ("tags", "mystnb") if cell.metadata.get(key)}
        nbformat.write(notebook, output[0])


rule picture:
    """The picture of the README: the first figure of the notebook that compares all objectives."""
    input:
        f"{BUILD}/notebooks/fig3.ipynb",
    output:
        f"{BUILD}/results.png",
    run:
        import base64

        import nbformat

        cells = nbformat.read(input[0], as_version=4).cells
        images = [o.data["image/png"] for c in cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
        Path(output[0]).write_bytes(base64.b64decode(images[0]))


rule book:
    input:
        PAGES,
        "_config.yml",
        Path("gfn").rglob("*.py"),
        notebooks=expand(f"{BUILD}/notebooks/{{name}}.ipynb", name=FIGURES),
    output:
        f"{BUILD}/book/_build/html/index.html",
    run:
        shell("rm -rf {BUILD}/source && cp -r book {BUILD}/source")
        for name in FIGURES:
            target = f"{BUILD}/source/{page_of(name)}"
            shell("cp {BUILD}/notebooks/{name}.ipynb {target}.ipynb")
            if name in TABLES:
                shell("cp {BUILD}/notebooks/{name}.csv {target}.csv")
        shell("GFN_RESULTS={RESULTS} gfn verdicts --profile {PROFILE} --write {BUILD}/source/intro.md > /dev/null")
        shell("{JUPYTER_BOOK} {BUILD}/source --config _config.yml --path-output {BUILD}/book")


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
        "rm -rf build/preview/source && cp -r book build/preview/source && "
        "{JUPYTER_BOOK} build/preview/source --config _config.yml --path-output build/preview/book"
