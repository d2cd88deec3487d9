"""gSOAP, from Debian: C++ classes and a client's proxy from a WSDL, compiled with a program."""

from __future__ import annotations

from pathlib import Path

from tests.programs import output_of

IMPORTS = "/usr/share/gsoap/import"
TYPES = "/usr/share/gsoap/WS/typemap.dat"


async def client_of(wsdl: str, program: Path, folder: Path) -> Path:
    """The client's executable.  `wsdl` is an address or a file, loaded as it is."""
    place = folder / "gsoap"
    place.mkdir()
    await output_of("wsdl2h", "-c++11", "-t", TYPES, "-o", "made.h", wsdl, directory=place)
    await output_of("soapcpp2", "-C", "-1", "-j", "-x", f"-I{IMPORTS}", "made.h", directory=place)
    client = place / "client"
    made = sorted(str(each) for each in place.glob("soap*.cpp"))
    await output_of(
        "g++", "-std=c++11", "-O0", "-w", f"-I{place}", str(program), *made,
        "-o", str(client), "-lgsoap++", directory=place,
    )  # fmt: skip
    return client
