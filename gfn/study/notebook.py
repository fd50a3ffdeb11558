"""What the notebooks share: validated parameters, runs read or made, tables of results."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_origin

import pandas as pd

from gfn.runs.training import TrainingError, replacing
from gfn.settings import SettingsError
from gfn.study.experiments import FIGURES, figure_settings
from gfn.study.paper import project_folder
from gfn.study.presentation import install
from gfn.study.presentation.digits import spread
from gfn.study.results import Run, StoreError, is_there, load_or_train, make_store, published_store, result_path
from gfn.study.size import check_size

DATA_VARIABLE = "GFN_DATA_OUT"
SHELL_NAMES = {"In", "Out", "exit", "quit", "get_ipython", "open"}


class ParameterError(SettingsError):
    """A notebook parameter that is not allowed; shown as its sentence, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"ParameterError: {self}"]


class RunError(TrainingError):
    """A run that failed; shown as its sentence, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"RunError: {self}"]


def parameters(figure: str, namespace: Mapping[str, Any]) -> Any:
    """The figure's settings from a notebook's variables, set in its ``parameters`` cell or by papermill.

    Call it right after that cell: every other variable by then is a misspelt parameter. From then on the notebook shows
    its tables as :mod:`gfn.study.presentation` does. None stands for the profile's own value. A list may be given as papermill's ``-p`` has it: ``0,1``, ``[0, 1]`` or a
    single value.

    Arguments:
        figure: a key of ``gfn.study.experiments.FIGURES``.
        namespace: the notebook's ``globals()``.

    Raises:
        ParameterError: naming the parameter that is unknown or impossible, and what is allowed.
    """
    fields = FIGURES[figure].model_fields
    given = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in SHELL_NAMES
        and (name in fields or not (isinstance(value, ModuleType) or callable(value)))
    }
    unknown = sorted(given.keys() - fields.keys())
    if unknown:
        known = ", ".join(fields)
        raise ParameterError(f"unknown parameter {unknown[0]!r} of notebook {figure}; its parameters: {known}")
    for name, field in fields.items():
        value = given.get(name)
        if any(isinstance(each, bool) for each in (value if isinstance(value, list | tuple) else [value])):
            raise ParameterError(f"{name} = {value} is not allowed: no parameter is true or false")
        if get_origin(field.annotation) is tuple and name in given:
            given[name] = _listed(given[name])
    try:
        settings = figure_settings(figure, **given)
    except SettingsError as error:
        raise ParameterError(str(error)) from None
    if _named_folder():
        _data_folder()
    install()
    return settings


def _listed(value: Any) -> Any:
    """A text split at its commas, and a number alone in a list; anything else as it is."""
    if isinstance(value, str):
        text = value.strip()
        inner = text[1:-1].strip() if (text[:1], text[-1:]) in (("[", "]"), ("(", ")")) else text
        return [part.strip().strip("'\"") for part in inner.removesuffix(",").split(",")] if inner else []
    return [value] if isinstance(value, int | float) else value


def settings_table(settings: Any) -> pd.DataFrame:
    """The parameters in force, as a table."""
    values = {name: str(value) for name, value in settings if name != "device"}
    return pd.DataFrame({"value": values.values()}, index=pd.Index(values.keys(), name="parameter"))


def obtain(settings: Any, store: Path | None = None) -> dict[Hashable, Run]:
    """All runs of a figure: those that are stored are read, the others are made on the figure's device.

    Arguments:
        settings: the figure's.
        store: the one store to read and to write, by default those of :func:`gfn.study.results.load_or_train`.

    Raises:
        ParameterError: if a run cannot be made at these settings, on this machine.
        RunError: if one fails.
    """
    specs = settings.specs()
    try:
        for spec in specs.values():  # all of them, before the first one takes its time
            if not any(map(is_there, (result_path(spec, store), result_path(spec, store or published_store())))):
                check_size(spec, settings.device)
        return {label: load_or_train(spec, store, settings.device) for label, spec in specs.items()}
    except StoreError:
        raise
    except SettingsError as error:
        raise ParameterError(str(error)) from None
    except TrainingError as error:
        raise RunError(str(error), error.records) from None


def save_data(figure: str, table: pd.DataFrame) -> None:
    """Write the data behind a page as CSV: in the folder of the environment variable GFN_DATA_OUT, else in
    ``build/data`` of the checkout, or from here where there is none.
    """
    with replacing(_data_folder() / f"{figure}.csv") as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


def _named_folder() -> str:
    return os.environ.get(DATA_VARIABLE, "").strip()


def _data_folder() -> Path:
    """The folder for tables, made where it is missing, and seen to be one that can be written."""
    folder = Path(_named_folder() or project_folder() / "build" / "data")
    try:
        make_store(folder)
    except StoreError as error:
        raise ParameterError(str(error).replace("out =", f"{DATA_VARIABLE} =", 1)) from None
    return folder


def mean_and_spread(values: pd.Series, digits: int = 3) -> str:
    """Mean ± sample standard deviation over seeds, as text, see :func:`gfn.study.presentation.digits.spread`.

    Arguments:
        values: one for each seed; of a single one there is no deviation.
        digits: significant digits of the larger of both.
    """
    return spread(values.mean(), values.std(ddof=1), digits=digits)
