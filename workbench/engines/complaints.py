"""What uv says when it fails, in words for people: which package, and what to do."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from workbench.engines import missing
from workbench.errors import BuildFailed

SHOWN = 20  # lines of a failed step that are shown
UNKNOWN = re.compile(r"Because (?:there are no versions of )?(\S+) (?:was|were) not found in the package registry")
NO_VERSION = re.compile(r"Because there (?:is no version|are no versions) of (\S+)")
ONLY = re.compile(r"Because only (?:the following versions of )?(\S+?)(?:[<>=!~]\S*)?(?: is| are)? available")
NOT_BUILT = re.compile(r"Failed to (?:build|download and build|fetch)[: ]*`?([A-Za-z0-9._-]+)")
BAD_LINE = re.compile(r"Couldn't parse requirement|Failed to parse|Expected (?:one of|package name)")
OFFLINE = re.compile(
    r"dns error|failed to lookup address|error sending request|Could not connect|Connection refused"
    r"|network is unreachable|tcp connect error|operation timed out",
    re.IGNORECASE,
)
# What keeps uv from its work, whatever the package: a sign, the message, what to do. The first that fits.
REFUSALS = (
    (re.compile("No space left on device"), "the disk is full", "Make room (uv cache clean), then build again."),
    (
        re.compile("407 Proxy|Proxy Authentication Required"),
        "the proxy refused us",
        "It wants a name and a password: HTTPS_PROXY=http://name:password@host:port.",
    ),
    (
        re.compile("UnknownIssuer|invalid peer certificate|CERTIFICATE_VERIFY"),
        "the package index's certificate is not trusted here",
        "Set SSL_CERT_FILE to your organisation's bundle.",
    ),
    (
        OFFLINE,
        "the package index could not be reached",
        "Check the network, proxy variables (HTTPS_PROXY) and `index`; then build again.",
    ),
    (
        re.compile(r"\b(401|403)\b|Unauthorized|Forbidden"),
        "the package index refused us",
        "Check the credentials of `index`, or ~/.netrc.",
    ),
)
# Names that people import, or misspell, and the distribution that brings them.
OTHER_NAME = {
    "sklearn": "scikit-learn", "cv2": "opencv-python-headless", "pil": "pillow", "yaml": "pyyaml", "bs4": "beautifulsoup4",
    "skimage": "scikit-image", "dateutil": "python-dateutil", "dotenv": "python-dotenv", "psycopg2": "psycopg2-binary",
    "torchvison": "torchvision", "tf": "tensorflow", "umap": "umap-learn", "fitz": "pymupdf",
}  # fmt: skip
WELL_KNOWN = (
    "altair", "beautifulsoup4", "bokeh", "boto3", "catboost", "dask", "duckdb", "fastparquet", "geopandas", "gensim",
    "great-tables", "httpx", "ipywidgets", "jax", "joblib", "jupyterlab", "keras", "lightgbm", "matplotlib", "networkx",
    "nltk", "numba", "numpy", "openpyxl", "pandas", "pillow", "plotly", "polars", "prophet", "psycopg", "pyarrow",
    "pymc", "pyspark", "pytest", "pyyaml", "requests", "rich", "scikit-image", "scikit-learn", "scipy", "seaborn",
    "shap", "spacy", "sqlalchemy", "statsmodels", "streamlit", "tensorflow", "torch", "torchvision", "tqdm",
    "transformers", "xarray", "xgboost", "xlsxwriter",
)  # fmt: skip


WELL_KNOWN_R = (
    "arrow", "BiocManager", "bslib", "caret", "data.table", "DBI", "devtools", "dplyr", "DT", "duckdb", "flexdashboard",
    "forcats", "ggplot2", "glmnet", "httr2", "jsonlite", "knitr", "leaflet", "lme4", "lubridate", "Matrix", "mgcv",
    "odbc", "openxlsx", "plotly", "plumber", "purrr", "randomForest", "Rcpp", "readr", "readxl", "renv", "reshape2",
    "rmarkdown", "RPostgres", "RSQLite", "rvest", "scales", "sf", "shiny", "shinydashboard", "stringr", "survival",
    "testthat", "tibble", "tidymodels", "tidyr", "tidyverse", "xgboost", "xts", "zoo",
)  # fmt: skip


def failure(step: str, tail: list[str], end: dict[str, Any] | None) -> BuildFailed:
    """The error of a failed step from its last lines. `end` is how uv ended, where that is known."""
    text = " ".join(" ".join(tail).split())
    message, hint = _words(text)
    if not message:
        number = (end or {}).get("signal")
        message = f"uv was killed by signal {number}" if number else _last(tail)
    return BuildFailed(message, step=step, tail=tuple(line for line in tail if line.strip())[-SHOWN:], hint=hint)


def nearest(name: str) -> str:
    """A package that was probably meant, or nothing."""
    bare = name.lower().replace("_", "-")
    close = get_close_matches(bare, WELL_KNOWN, n=1, cutoff=0.75)
    return OTHER_NAME.get(bare) or (close[0] if close else "")


def nearest_r(name: str) -> str:
    """An R package that was probably meant, or nothing. R minds upper and lower case."""
    known = {one.lower(): one for one in WELL_KNOWN_R}
    close = get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    return known[close[0]] if close else ""


def _words(text: str) -> tuple[str, str]:
    """Message and hint; empty where nothing is recognised."""
    for pattern, message, hint in REFUSALS:
        if pattern.search(text):
            return message, hint
    unknown = UNKNOWN.search(text)
    if unknown:
        name = unknown[1].strip("`'\"")
        meant = nearest(name)
        hint = f"Did you mean {meant}?" if meant else "Check its spelling, or set `index` where it is published."
        return f"there is no package {name} in the index", hint
    version = NO_VERSION.search(text) or ONLY.search(text)
    if version:
        return (
            f"no version of {version[1].rstrip(',')} fits",
            "Loosen its version; the last lines say which there are.",
        )
    if "requires-python" in text or "does not satisfy Python" in text:
        return "a package needs another Python", "Change `python: version`; the last lines say which is asked for."
    if "No solution found" in text:
        return "the packages contradict each other", "The last lines say which; loosen one of them."
    broken = NOT_BUILT.search(text)
    if broken:
        lacking = missing.debian(text)
        return (
            f"{broken[1]} could not be built from its source",
            f"It lacks what Debian has in {lacking}: install that on this machine, or take `engine: docker` with `apt:`."
            if lacking
            else "It may need a compiler or system libraries: `engine: docker` with `apt:` gives it those.",
        )
    if BAD_LINE.search(text):
        return "a line of `packages` is no requirement", "Write `name`, `name>=1.2` or `name[extra]==1.2`."
    return "", ""


def _last(tail: list[str]) -> str:
    lines = [line.strip() for line in tail if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "uv failed without a word"
