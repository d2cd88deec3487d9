"""Messages as clients write them, for tests to vary: text in, octets out."""

from __future__ import annotations

MESSAGE = "http://iec.ch/TC57/2011/schema/message"
CONTROLS = "http://iec.ch/TC57/2011/EndDeviceControls#"
METER_CONFIG = "http://iec.ch/TC57/2011/MeterConfig#"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

MESSAGE_ID = "8f2d7a52-5f0b-4f77-9a52-0d2a3d4f0001"
CORRELATION_ID = "8f2d7a52-5f0b-4f77-9a52-0d2a3d4f0002"

LIMIT_1500_W = (
    "<c:EndDeviceControlAttribute><c:name>powerLimit</c:name>"
    "<c:value>1500</c:value></c:EndDeviceControlAttribute>"
)


def attribute(name: str, value: str) -> str:
    return (
        f"<c:EndDeviceControlAttribute><c:name>{name}</c:name>"
        f"<c:value>{value}</c:value></c:EndDeviceControlAttribute>"
    )


def devices(*meters: str) -> str:
    return "".join(
        f"<c:EndDevices><c:Names><c:name>{name}</c:name></c:Names></c:EndDevices>"
        for name in meters
    )


def control(
    kind: str = '<c:EndDeviceControlType ref="3.31.139.13"/>',
    attributes: str = LIMIT_1500_W,
    addressed: str | None = None,
    timing: str = "",
) -> str:
    addressed = devices("90000001") if addressed is None else addressed
    return f"<c:EndDeviceControl>{kind}{attributes}{addressed}{timing}</c:EndDeviceControl>"


def header(
    verb: str = "create",
    noun: str = "EndDeviceControls",
    before: str = "",
    source: str = "<m:Source>COMERCIAL</m:Source>",
    flags: str = "<m:AsyncReplyFlag>true</m:AsyncReplyFlag>",
    ids: str = f"<m:MessageID>{MESSAGE_ID}</m:MessageID>"
    f"<m:CorrelationID>{CORRELATION_ID}</m:CorrelationID>",
    after: str = "",
) -> str:
    return f"<m:Verb>{verb}</m:Verb><m:Noun>{noun}</m:Noun>{before}{source}{flags}{ids}{after}"


def typed(
    *controls: str,
    name: str = "CreateEndDeviceControls",
    head: str | None = None,
    request: str = "",
    payload: str | None = None,
) -> bytes:
    """A strongly typed EndDeviceControls request."""
    content = "".join(controls) if controls else control()
    if payload is None:
        payload = f"<Payload><c:EndDeviceControls>{content}</c:EndDeviceControls></Payload>"
    head = header() if head is None else head
    asked = f"<Request>{request}</Request>" if request else ""
    return (
        f'<{name} xmlns="http://iec.ch/TC57/2011/EndDeviceControlsMessage" xmlns:m="{MESSAGE}"'
        f' xmlns:c="{CONTROLS}"><Header>{head}</Header>{asked}{payload}</{name}>'
    ).encode()


def generic(
    *controls: str,
    name: str = "RequestMessage",
    head: str | None = None,
    request: str = "",
    payload: str | None = None,
) -> bytes:
    """A generic request with EndDeviceControls inside."""
    content = "".join(controls) if controls else control()
    if payload is None:
        payload = f"<m:Payload><c:EndDeviceControls>{content}</c:EndDeviceControls></m:Payload>"
    head = header() if head is None else head
    asked = f"<m:Request>{request}</m:Request>" if request else ""
    return (
        f'<m:{name} xmlns:m="{MESSAGE}" xmlns:c="{CONTROLS}">'
        f"<m:Header>{head}</m:Header>{asked}{payload}</m:{name}>"
    ).encode()


def meter_config(
    functions: str | None = None, meters: str | None = None, request: str = ""
) -> bytes:
    """A strongly typed `change MeterConfig`."""
    if functions is None:
        functions = function("<k:needsPowerLimitCheck>true</k:needsPowerLimitCheck>"
                             "<k:powerLimit>1500</k:powerLimit>")  # fmt: skip
    if meters is None:
        meters = "<k:Meter><k:Names><k:name>90000001</k:name></k:Names></k:Meter>"
    asked = f"<Request>{request}</Request>" if request else ""
    return (
        f'<ChangeMeterConfig xmlns="http://iec.ch/TC57/2011/MeterConfigMessage"'
        f' xmlns:m="{MESSAGE}" xmlns:k="{METER_CONFIG}">'
        f"<Header>{header('change', 'MeterConfig')}</Header>{asked}"
        f"<Payload><k:MeterConfig>{functions}{meters}</k:MeterConfig></Payload>"
        f"</ChangeMeterConfig>"
    ).encode()


def function(info: str, mrid: str = "") -> str:
    named = f"<k:mRID>{mrid}</k:mRID>" if mrid else ""
    return (
        f"<k:ConnectDisconnectFunction>{named}<k:rcdInfo>{info}</k:rcdInfo>"
        f"</k:ConnectDisconnectFunction>"
    )


def option(name: str, value: str) -> str:
    return f"<m:Option><m:name>{name}</m:name><m:value>{value}</m:value></m:Option>"


def soap(body: bytes, head: str = "") -> bytes:
    """A SOAP 1.1 envelope around a body."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}">'
        f"{head}<s:Body>{body.decode()}</s:Body></s:Envelope>"
    ).encode()


# The shape of an openly licensed demonstration client (gSOAP): everything mandatory that the
# standard leaves optional, several meters as Names of one EndDevice, prefixes numbered by the tool.
DEMONSTRATION_CLIENT = b"""<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema"
    xmlns:ns1="http://iec.ch/TC57/2011/schema/message"
    xmlns:ns2="http://iec.ch/TC57/2011/EndDeviceControls#"
    xmlns:ns3="http://iec.ch/TC57/2011/EndDeviceControlsMessage">
 <SOAP-ENV:Body>
  <ns3:CreateEndDeviceControls>
   <ns3:Header>
    <ns1:Verb>create</ns1:Verb>
    <ns1:Noun>EndDeviceControls</ns1:Noun>
    <ns1:Revision>2.0</ns1:Revision>
    <ns1:Timestamp>2026-07-06T14:00:00Z</ns1:Timestamp>
    <ns1:Source>CIS</ns1:Source>
    <ns1:AsyncReplyFlag>true</ns1:AsyncReplyFlag>
    <ns1:ReplyAddress>http://127.0.0.1:9/callback</ns1:ReplyAddress>
    <ns1:AckRequired>true</ns1:AckRequired>
    <ns1:User><ns1:UserID>operator</ns1:UserID></ns1:User>
    <ns1:MessageID>0a2a7f0e-53b1-4f21-9d13-000000000001</ns1:MessageID>
    <ns1:CorrelationID>0a2a7f0e-53b1-4f21-9d13-000000000002</ns1:CorrelationID>
   </ns3:Header>
   <ns3:Payload>
    <ns2:EndDeviceControls>
     <ns2:EndDeviceControl>
      <ns2:reason>late payment</ns2:reason>
      <ns2:EndDeviceControlType ref="3.31.0.23"></ns2:EndDeviceControlType>
      <ns2:EndDevices>
       <ns2:Names><ns2:name>90000001</ns2:name></ns2:Names>
       <ns2:Names><ns2:name>90000002</ns2:name></ns2:Names>
      </ns2:EndDevices>
     </ns2:EndDeviceControl>
    </ns2:EndDeviceControls>
    <ns3:Format>XML</ns3:Format>
   </ns3:Payload>
  </ns3:CreateEndDeviceControls>
 </SOAP-ENV:Body>
</SOAP-ENV:Envelope>
"""
