"""Writes what follows from the adapters' profiles: a page for each, and its schema and WSDL.

python -m tools.adapter_pages              docs/adapters/*.md, as a test wants them
python -m tools.adapter_pages FOLDER       also XSD and WSDL of each into a folder
"""

from __future__ import annotations

import sys
from pathlib import Path

from protocols.cim import schema
from protocols.cim.profile import messages, page, reading, wsdl, xsd

PAGES = Path(__file__).resolve().parent.parent / "docs" / "adapters"


def write_pages(folder: Path) -> None:
    """The pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for adapter in reading.ADAPTERS:
        text = page.page(reading.profile(adapter))
        (folder / f"{adapter}.md").write_text(text, encoding="utf-8")


def write_schemas(folder: Path) -> None:
    """XSD and WSDL of each adapter, and the envelope's schema beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Message.xsd").write_bytes(schema.xsd("Message.xsd"))
    for each in map(reading.profile, reading.ADAPTERS):
        (folder / xsd.file_name(each)).write_bytes(xsd.xsd(each))
        (folder / messages.file_name(each)).write_bytes(messages.xsd(each))
        (folder / f"{each.name}.wsdl").write_bytes(wsdl.wsdl(each))


if __name__ == "__main__":
    write_pages(PAGES)
    for name in sys.argv[1:]:
        write_schemas(Path(name))
