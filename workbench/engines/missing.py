"""What a build from source lacked, by what compilers and packages say, and the Debian package that has it."""

from __future__ import annotations

import re

# A telling piece of what was said, and the Debian packages that help; more than one may fit.
_DEBIAN: tuple[tuple[str, str], ...] = (
    (r"pg_config executable not found|libpq-fe\.h", "libpq-dev"),
    (r"mysql_config|mysqlclient\.pc|mysql\.h", "default-libmysqlclient-dev pkg-config"),
    (r"gdal-config|gdal\.h|A GDAL API version must be specified", "libgdal-dev"),
    (r"Python\.h: No such file", "python3-dev"),
    (r"\bffi\.h", "libffi-dev"),
    (r"xml2-config|libxml/\w+\.h|xslt-config", "libxml2-dev libxslt1-dev"),
    (r"openssl/\w+\.h", "libssl-dev"),
    (r"curl-config|curl/curl\.h", "libcurl4-openssl-dev"),
    (r"\bzlib\.h", "zlib1g-dev"),
    (r"\bsql(?:ext)?\.h", "unixodbc-dev"),
    (r"\bhdf5\.h|libhdf5", "libhdf5-dev"),
    (r"\bnetcdf\.h|nc-config", "libnetcdf-dev"),
    (r"geos-config|geos_c\.h", "libgeos-dev"),
    (r"\bproj(?:_api)?\.h|proj executable not found", "libproj-dev proj-bin"),
    (r"\bjpeglib\.h|headers or library files could not be found for jpeg", "libjpeg-dev"),
    (r"\blber\.h|\bldap\.h", "libldap-dev libsasl2-dev"),
    (r"\bcairo\.h|Dependency \"cairo\" not found", "libcairo2-dev pkg-config"),
    (r"\bportaudio\.h", "portaudio19-dev"),
    (r"\bgmp\.h", "libgmp-dev"),
    (r"\bsnappy-c\.h", "libsnappy-dev"),
    (r"krb5-config", "libkrb5-dev"),
    (r"ta-lib/ta_defs\.h", "libta-lib-dev"),
    (r"\bgraphviz/cgraph\.h", "libgraphviz-dev"),
    (r"CMake must be installed|cmake: not found|No such file or directory: 'cmake'", "cmake"),
    (r"gfortran: (?:command )?not found|Unknown compiler\(s\): \[\['gfortran'", "gfortran"),
    (r"(?:rustc|cargo)(?:, the Rust| is not|: not found)|can't find Rust compiler", "rustc cargo"),
    (r"pkg-config: not found|pkg-config (?:binary|script) could not be found", "pkg-config"),
    (
        (
            r"command '?(?:\S+-)?(?:gcc|cc|g\+\+|c\+\+)'? failed: No such file|(?:gcc|cc|g\+\+): not found"
            r"|Unknown compiler\(s\): \[\['cc'|No such file or directory: '(?:gcc|cc|g\+\+)'"
        ),
        "build-essential",
    ),
)
_OF_R = re.compile(r"\* deb: (\S+(?:,? [a-z0-9][\w.+-]*-dev)*) ?(?:\(|$)", re.MULTILINE)


def debian(said: str) -> str:
    """Debian packages that bring what is missing, as a list for `apt:`; empty where nothing is recognised."""
    found = [name for pattern, names in _DEBIAN if re.search(pattern, said) for name in names.split()]
    for names in _OF_R.findall(said):  # R packages say it themselves
        found += names.replace(",", " ").split()
    return ", ".join(dict.fromkeys(found))
