"""`ami cim`: CIM messages and the utility's adapters, for whoever writes a client or asks one."""

from __future__ import annotations

import typer

from tools.cim import (
    codes,
    conformance,
    examples,
    explain,
    get,
    send,
    serving,
    validate,
    wsdl,
)

app = typer.Typer(
    name="cim",
    help="CIM messages, and the adapters of the utility's systems.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

app.command("get")(get.get_)
app.command("send")(send.send)
app.command("validate")(validate.validate)
app.command("wsdl")(wsdl.wsdl_)
app.command("codes")(codes.codes)
app.command("examples")(examples.examples_)
app.command("serve")(serving.serve)
app.command("utility")(serving.utility)
app.command("conformance")(conformance.conformance)
app.command("explain")(explain.explain)
