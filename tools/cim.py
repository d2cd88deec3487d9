"""`ami cim`: CIM messages and the utility's adapters, for whoever writes a client or asks one."""

from __future__ import annotations

import typer

from tools import (
    cim_codes,
    cim_conformance,
    cim_examples,
    cim_explain,
    cim_get,
    cim_send,
    cim_serving,
    cim_validate,
    cim_wsdl,
)

app = typer.Typer(
    name="cim",
    help="CIM messages, and the adapters of the utility's systems.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

app.command("get")(cim_get.get_)
app.command("send")(cim_send.send)
app.command("validate")(cim_validate.validate)
app.command("wsdl")(cim_wsdl.wsdl_)
app.command("codes")(cim_codes.codes)
app.command("examples")(cim_examples.examples_)
app.command("serve")(cim_serving.serve)
app.command("utility")(cim_serving.utility)
app.command("conformance")(cim_conformance.conformance)
app.command("explain")(cim_explain.explain)
