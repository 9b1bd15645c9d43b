"""How this machine reaches package registries: certificates it trusts, proxies, package index.

A build gets them as mounted files and predefined build arguments, so that no layer, label or history keeps them.
"""

from __future__ import annotations

import configparser
import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Docker knows these without ARG and keeps them out of the image's history.
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class PackageIndex:
    """Where Python packages come from; empty: PyPI."""

    url: str = ""
    extra: tuple[str, ...] = ()
    insecure_hosts: tuple[str, ...] = ()

    @property
    def without_passwords(self) -> PackageIndex:
        """The same for code that may not have the person's passwords."""
        return PackageIndex(without_password(self.url), tuple(map(without_password, self.extra)), self.insecure_hosts)

    @property
    def uv_toml(self) -> str:
        """As uv's configuration file. As pip does, the best version of all indexes is taken."""
        lines = []
        if self.url:
            lines.append(f"index-url = {json.dumps(self.url)}")
        if self.extra:
            lines.append(f"extra-index-url = {json.dumps(list(self.extra))}")
            lines.append('index-strategy = "unsafe-best-match"')
        if self.insecure_hosts:
            lines.append(f"allow-insecure-host = {json.dumps(list(self.insecure_hosts))}")
        return "".join(f"{line}\n" for line in lines)


def without_password(url: str) -> str:
    """An address without the name and password in it."""
    parts = urlsplit(url)
    return url if "@" not in parts.netloc else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def netrc(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The person's passwords for registries, where they keep them in the usual file."""
    path = Path(environ.get("NETRC") or Path(environ.get("HOME") or Path.home()) / ".netrc")
    return path if path.is_file() else None


def proxies(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Proxy variables that are set, in both spellings programs look for."""
    found = {}
    for name in PROXY_VARIABLES:
        value = environ.get(name.lower()) or environ.get(name)
        if value:
            found[name] = found[name.lower()] = value
    return found


def proxies_without_password(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those that may be seen by all who may use the engine."""
    return {name: value for name, value in proxies(environ).items() if not urlsplit(value).password}


def package_index(
    declared: str | None,
    setting: str | None,
    environ: Mapping[str, str] = os.environ,
    *,
    more: Sequence[str] = (),
) -> PackageIndex:
    """The declared index, with `more` beside it, else that of `workbench.yaml`, else what uv's or pip's variables and files say."""
    uv, pip = _uv_files(environ), _pip_files(environ)
    url = (
        declared
        or setting
        or environ.get("UV_DEFAULT_INDEX")
        or environ.get("UV_INDEX_URL")
        or _text(uv.get("index-url"))
        or environ.get("PIP_INDEX_URL")
        or pip.get("index-url", "")
    )
    extra = (
        []
        if declared
        else [
            *(environ.get("UV_INDEX") or environ.get("UV_EXTRA_INDEX_URL") or "").split(),
            *_texts(uv.get("extra-index-url")),
            *environ.get("PIP_EXTRA_INDEX_URL", "").split(),
            *pip.get("extra-index-url", "").split(),
        ]
    )
    insecure = [
        *environ.get("UV_INSECURE_HOST", "").split(),
        *_texts(uv.get("allow-insecure-host")),
        *environ.get("PIP_TRUSTED_HOST", "").split(),
        *pip.get("trusted-host", "").split(),
    ]
    extra = [*more, *extra]
    return PackageIndex(_remote([url])[0] if _remote([url]) else "", _remote(extra), tuple(dict.fromkeys(insecure)))


def _remote(urls: Iterable[str]) -> tuple[str, ...]:
    """Those a container reaches too: no folders of this machine. `name=url`, as uv has it, loses its name."""
    bare = [url.split("=", 1)[1] if "=" in url.split(":", 1)[0] else url for url in urls]
    return tuple(dict.fromkeys(url for url in bare if url.startswith(("https://", "http://"))))


def _uv_files(environ: Mapping[str, str]) -> dict[str, Any]:
    config = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config")
    merged: dict[str, Any] = {}
    for path in (Path("/etc/uv/uv.toml"), config / "uv" / "uv.toml"):
        try:
            merged |= tomllib.loads(path.read_text())
        except (OSError, ValueError):
            continue
    return merged


def _pip_files(environ: Mapping[str, str]) -> dict[str, str]:
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    parser = configparser.RawConfigParser()
    named = environ.get("PIP_CONFIG_FILE")
    paths = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    try:
        parser.read([*paths, *([named] if named else [])])
    except (configparser.Error, OSError, ValueError):
        return {}
    return dict(parser["global"]) if parser.has_section("global") else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
