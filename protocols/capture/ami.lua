-- Wireshark dissectors for captures of ami-headend: the DLMS wrapper (TCP port 4059), and packets
-- with the header of ami captures: power-line frames (USER0), HDLC (USER1), messages (USER3).
--
--   tshark -X lua_script:ami.lua -r run.pcapng
--
-- Layouts: docs/captures.md.  Wireshark from 4.6 on has a DLMS dissector of its own; this one
-- takes the port instead.  What is ciphered stays so: `ami capture decode` opens it.

local APDUS = {
  [0x01] = "initiateRequest", [0x08] = "initiateResponse", [0x0e] = "confirmedServiceError",
  [0x0f] = "data-notification", [0x10] = "data-notification-confirm",
  [0x21] = "glo-initiateRequest", [0x28] = "glo-initiateResponse",
  [0x2e] = "glo-confirmedServiceError",
  [0x60] = "AARQ", [0x61] = "AARE", [0x62] = "RLRQ", [0x63] = "RLRE",
  [0xc0] = "get-request", [0xc1] = "set-request", [0xc2] = "event-notification-request",
  [0xc3] = "action-request", [0xc4] = "get-response", [0xc5] = "set-response",
  [0xc7] = "action-response",
  [0xc8] = "glo-get-request", [0xc9] = "glo-set-request",
  [0xca] = "glo-event-notification-request", [0xcb] = "glo-action-request",
  [0xcc] = "glo-get-response", [0xcd] = "glo-set-response", [0xcf] = "glo-action-response",
  [0xd0] = "ded-get-request", [0xd1] = "ded-set-request",
  [0xd2] = "ded-event-notification-request", [0xd3] = "ded-action-request",
  [0xd4] = "ded-get-response", [0xd5] = "ded-set-response", [0xd7] = "ded-action-response",
  [0xd8] = "exception-response", [0xd9] = "access-request", [0xda] = "access-response",
  [0xdb] = "general-glo-ciphering", [0xdc] = "general-ded-ciphering",
  [0xdd] = "general-ciphering", [0xdf] = "general-signing", [0xe0] = "general-block-transfer",
}
local DIRECTIONS = { [0] = "down", [1] = "up" }

-- --- APDUs ---------------------------------------------------------------------------------------

local apdu = Proto("ami_apdu", "DLMS APDU")
local a = {
  tag = ProtoField.uint8("ami_apdu.tag", "APDU", base.HEX, APDUS),
  invoke = ProtoField.uint8("ami_apdu.invoke_id_and_priority", "Invoke id and priority", base.HEX),
  class = ProtoField.uint16("ami_apdu.class_id", "Class id"),
  instance = ProtoField.string("ami_apdu.instance_id", "Instance id"),
  member = ProtoField.int8("ami_apdu.member_id", "Attribute or method id"),
  control = ProtoField.uint8("ami_apdu.security_control", "Security control", base.HEX),
  counter = ProtoField.uint32("ami_apdu.invocation_counter", "Invocation counter"),
  title = ProtoField.bytes("ami_apdu.system_title", "System title"),
  content = ProtoField.bytes("ami_apdu.content", "Content"),
}
apdu.fields = a
local too_short = ProtoExpert.new("ami_apdu.short", "The APDU breaks off", expert.group.MALFORMED,
  expert.severity.ERROR)
apdu.experts = { too_short }

-- A length as A-XDR has it: the number, and how many octets it takes.
local function length_at(buffer, at)
  if at >= buffer:len() then return nil end
  local first = buffer(at, 1):uint()
  if first < 0x80 then return first, 1 end
  local size = first - 0x80
  if size < 1 or size > 4 or at + 1 + size > buffer:len() then return nil end
  return buffer(at + 1, size):uint(), 1 + size
end

local function security_header(buffer, at, tree)
  local length, size = length_at(buffer, at)
  if not length or at + size + 5 > buffer:len() then
    tree:add_proto_expert_info(too_short)
    return
  end
  at = at + size
  tree:add(a.control, buffer(at, 1))
  tree:add(a.counter, buffer(at + 1, 4))
  if at + 5 < buffer:len() then tree:add(a.content, buffer(at + 5)) end
end

local function descriptor(buffer, at, tree)
  if at + 9 > buffer:len() then return "" end
  local groups = {}
  for index = 0, 5 do groups[#groups + 1] = tostring(buffer(at + 2 + index, 1):uint()) end
  local instance = table.concat(groups, ".")
  tree:add(a.class, buffer(at, 2))
  tree:add(a.instance, buffer(at + 2, 6), instance)
  tree:add(a.member, buffer(at + 8, 1))
  return string.format(" %d %s %d", buffer(at, 2):uint(), instance, buffer(at + 8, 1):int())
end

function apdu.dissector(buffer, pinfo, tree)
  if buffer:len() == 0 then return 0 end
  local tag = buffer(0, 1):uint()
  local name = APDUS[tag] or string.format("unknown APDU %02X", tag)
  local branch = tree:add(apdu, buffer(), "DLMS APDU: " .. name)
  branch:add(a.tag, buffer(0, 1))
  local words = name
  if tag == 0xdb or tag == 0xdc then
    local length, size = length_at(buffer, 1)
    if length and 1 + size + length <= buffer:len() then
      if length > 0 then branch:add(a.title, buffer(1 + size, length)) end
      security_header(buffer, 1 + size + length, branch)
    else
      branch:add_proto_expert_info(too_short)
    end
  elseif tag == 0x21 or tag == 0x28 or (tag >= 0xc8 and tag <= 0xd7) then
    security_header(buffer, 1, branch)
  elseif tag >= 0xc0 and tag <= 0xc7 and tag ~= 0xc2 and buffer:len() >= 3 then
    branch:add(a.invoke, buffer(2, 1))
    local kind = buffer(1, 1):uint()
    if kind == 1 and (tag == 0xc0 or tag == 0xc1 or tag == 0xc3) then
      words = words .. descriptor(buffer, 3, branch)
    elseif buffer:len() > 3 then
      branch:add(a.content, buffer(3))
    end
  elseif buffer:len() > 1 then
    branch:add(a.content, buffer(1))
  end
  pinfo.cols.info:append(" " .. words)
  return buffer:len()
end

-- --- wrapper -------------------------------------------------------------------------------------

local wrapper = Proto("ami_wrapper", "DLMS wrapper")
local w = {
  version = ProtoField.uint16("ami_wrapper.version", "Version"),
  source = ProtoField.uint16("ami_wrapper.source", "Source wPort"),
  destination = ProtoField.uint16("ami_wrapper.destination", "Destination wPort"),
  length = ProtoField.uint16("ami_wrapper.length", "Length"),
}
wrapper.fields = w

local function one_wrapper(buffer, pinfo, tree)
  local branch = tree:add(wrapper, buffer(0, 8))
  branch:add(w.version, buffer(0, 2))
  branch:add(w.source, buffer(2, 2))
  branch:add(w.destination, buffer(4, 2))
  branch:add(w.length, buffer(6, 2))
  pinfo.cols.protocol = "DLMS"
  pinfo.cols.info = string.format("%d → %d:", buffer(2, 2):uint(), buffer(4, 2):uint())
  if buffer:len() > 8 then apdu.dissector(buffer(8):tvb(), pinfo, tree) end
  return buffer:len()
end

function wrapper.dissector(buffer, pinfo, tree)
  if buffer:len() < 2 or buffer(0, 2):uint() ~= 1 then return 0 end
  dissect_tcp_pdus(buffer, tree, 8,
    function(head, _, at) return 8 + head(at + 6, 2):uint() end, one_wrapper)
  return buffer:len()
end

DissectorTable.get("tcp.port"):add(4059, wrapper)

-- --- the header of ami captures ------------------------------------------------------------------

local head = Proto("ami", "ami capture")
local h = {
  version = ProtoField.uint8("ami.version", "Version"),
  direction = ProtoField.uint8("ami.direction", "Direction", base.DEC, DIRECTIONS),
  name = ProtoField.string("ami.name", "Name"),
}
head.fields = h

-- Adds it; what follows, the words for the direction, and the header's branch.
local function header(buffer, tree)
  if buffer:len() < 10 or buffer(0, 1):uint() ~= 1 then return nil end
  local size = 10 + buffer(3, 1):uint()
  if size > buffer:len() then return nil end
  local branch = tree:add(head, buffer(0, size))
  branch:add(h.version, buffer(0, 1))
  branch:add(h.direction, buffer(1, 1))
  branch:add(h.name, buffer(10, size - 10))
  return size, buffer(1, 1):uint() == 1 and "from" or "to", branch
end

-- --- power-line frames ---------------------------------------------------------------------------

local FATES = { [0] = "delivered", [1] = "lost: noise", [2] = "lost: packet loss",
  [3] = "lost: module off" }
local KINDS = { [0] = "segment", [1] = "acknowledgement" }
local plc = Proto("ami_plc", "Power-line frame")
local p = {
  fate = ProtoField.uint8("ami_plc.fate", "Fate", base.DEC, FATES),
  snr = ProtoField.double("ami_plc.snr_db", "Signal-to-noise ratio (dB)"),
  airtime = ProtoField.uint32("ami_plc.airtime_us", "Time on the air (us)"),
  kind = ProtoField.uint8("ami_plc.kind", "Kind", base.DEC, KINDS),
  node = ProtoField.uint16("ami_plc.node", "Node"),
  message = ProtoField.uint8("ami_plc.message", "Message"),
  last = ProtoField.bool("ami_plc.last", "Last segment"),
  segment = ProtoField.uint8("ami_plc.segment", "Segment"),
  data = ProtoField.bytes("ami_plc.data", "Data"),
  heard = ProtoField.double("ami_plc.heard_snr_db", "Heard at (dB)"),
  crc = ProtoField.uint32("ami_plc.crc", "CRC-32", base.HEX),
}
plc.fields = p
local lost = ProtoExpert.new("ami_plc.lost", "The frame was lost", expert.group.SEQUENCE,
  expert.severity.WARN)
plc.experts = { lost }

function plc.dissector(buffer, pinfo, tree)
  local size, way, branch = header(buffer, tree)
  if not size or buffer:len() < size + 10 then return 0 end
  local fate = buffer(2, 1):uint()
  branch:add(p.fate, buffer(2, 1))
  branch:add(p.snr, buffer(4, 2), buffer(4, 2):int() / 100)
  branch:add(p.airtime, buffer(6, 4))
  if fate ~= 0 then branch:add_proto_expert_info(lost) end
  local frame = tree:add(plc, buffer(size))
  local flags, place, length = buffer(size, 1):uint(), buffer(size + 4, 1):uint(), buffer:len()
  local kind = bit32 and bit32.rshift(flags, 6) or math.floor(flags / 64)
  frame:add(p.kind, buffer(size, 1), kind)
  frame:add(p.node, buffer(size + 1, 2))
  frame:add(p.message, buffer(size + 3, 1))
  frame:add(p.last, buffer(size + 4, 1), place >= 128)
  frame:add(p.segment, buffer(size + 4, 1), place % 64)
  if kind == 1 then
    frame:add(p.heard, buffer(size + 5, 2), buffer(size + 5, 2):int() / 100)
  else
    frame:add(p.data, buffer(size + 5, length - size - 9))
  end
  frame:add(p.crc, buffer(length - 4, 4))
  pinfo.cols.protocol = "PLC"
  pinfo.cols.info = string.format("%s %s: %s %d of message %d, %s", way, buffer(10, size - 10):string(),
    KINDS[kind] or "?", place % 64, buffer(size + 3, 1):uint(), FATES[fate] or "fate unknown")
  return length
end

-- --- HDLC ----------------------------------------------------------------------------------------

local hdlc = Proto("ami_hdlc", "DLMS HDLC")
local d = {
  format = ProtoField.uint16("ami_hdlc.format", "Format", base.HEX),
  segmented = ProtoField.bool("ami_hdlc.segmented", "Segmented"),
  length = ProtoField.uint16("ami_hdlc.length", "Length"),
  destination = ProtoField.bytes("ami_hdlc.destination", "Destination"),
  source = ProtoField.bytes("ami_hdlc.source", "Source"),
  control = ProtoField.uint8("ami_hdlc.control", "Control", base.HEX),
  kind = ProtoField.string("ami_hdlc.kind", "Kind"),
  poll = ProtoField.bool("ami_hdlc.poll_final", "P/F"),
  hcs = ProtoField.uint16("ami_hdlc.hcs", "HCS", base.HEX),
  information = ProtoField.bytes("ami_hdlc.information", "Information"),
  fcs = ProtoField.uint16("ami_hdlc.fcs", "FCS", base.HEX),
  other = ProtoField.bytes("ami_hdlc.other", "No frame"),
}
hdlc.fields = d
local wrong = ProtoExpert.new("ami_hdlc.wrong", "A wrong checksum", expert.group.CHECKSUM,
  expert.severity.ERROR)
hdlc.experts = { wrong }
local UNNUMBERED = { [0x83] = "SNRM", [0x43] = "DISC", [0x63] = "UA", [0x0f] = "DM",
  [0x87] = "FRMR", [0x03] = "UI" }

local function xor(one, other)
  local result, place = 0, 1
  while one > 0 or other > 0 do
    if one % 2 ~= other % 2 then result = result + place end
    one, other, place = math.floor(one / 2), math.floor(other / 2), place * 2
  end
  return result
end

-- CRC-16/X.25 over octets and their checksum, which leaves F0B8.
local function intact(buffer, from, to)
  local rest = 0xffff
  for at = from, to - 1 do
    rest = xor(rest, buffer(at, 1):uint())
    for _ = 1, 8 do
      if rest % 2 == 1 then rest = xor(math.floor(rest / 2), 0x8408)
      else rest = math.floor(rest / 2) end
    end
  end
  return rest == 0xf0b8
end

local function address(buffer, at)
  for size = 1, 4 do
    if at + size > buffer:len() then return nil end
    if buffer(at + size - 1, 1):uint() % 2 == 1 then return size end
  end
  return nil
end

local function kind_of(control)
  if control % 2 == 0 then
    return string.format("I %d expecting %d", math.floor(control / 2) % 8, math.floor(control / 32))
  elseif control % 16 == 1 then return string.format("RR expecting %d", math.floor(control / 32))
  elseif control % 16 == 5 then return string.format("RNR expecting %d", math.floor(control / 32))
  end
  local plain = control
  if math.floor(control / 16) % 2 == 1 then plain = control - 16 end
  return UNNUMBERED[plain] or string.format("control %02X", control)
end

-- Mode E (IEC 62056-21, 6.3.2): the lines before HDLC, seven data bits and a parity bit each octet.

local sign_on = Proto("ami_mode_e", "IEC 62056-21 mode E")
local e = {
  kind = ProtoField.string("ami_mode_e.kind", "Line"),
  address = ProtoField.string("ami_mode_e.address", "Device address"),
  manufacturer = ProtoField.string("ami_mode_e.manufacturer", "Manufacturer"),
  identification = ProtoField.string("ami_mode_e.identification", "Identification"),
  baud = ProtoField.uint32("ami_mode_e.baud", "Speed (Bd)"),
  protocol = ProtoField.string("ami_mode_e.protocol", "Protocol control"),
  mode = ProtoField.string("ami_mode_e.mode", "Mode control"),
}
sign_on.fields = e
local SPEEDS = { ["0"] = 300, ["1"] = 600, ["2"] = 1200, ["3"] = 2400, ["4"] = 4800, ["5"] = 9600,
  ["6"] = 19200 }

-- What a line is, in words; nil for what is none.
local function line_of(buffer, tree)
  local text = ""
  for at = 0, buffer:len() - 1 do text = text .. string.char(buffer(at, 1):uint() % 128) end
  local address = text:match("/%?([%w ]*)!\r\n")
  local protocol, speed, mode = text:match("\6(%d)([%dA-I])([%dA-Z])\r\n")
  local maker, code, told = text:match("/(%a%a%a)([ -~])([ -~]*)\r?\n")
  local branch = (address or protocol or maker) and tree:add(sign_on, buffer)
  if address then
    branch:add(e.kind, buffer, "request")
    branch:add(e.address, buffer, address)
    return address == "" and "request" or "request to " .. address
  elseif protocol then
    local baud, choice = SPEEDS[speed], "programming"
    if protocol == "2" and mode == "2" then choice = "HDLC"
    elseif protocol == "0" and mode == "0" then choice = "readout" end
    branch:add(e.kind, buffer, "acknowledgement")
    branch:add(e.protocol, buffer, protocol)
    if baud then branch:add(e.baud, buffer, baud) end
    branch:add(e.mode, buffer, mode)
    return string.format("acknowledgement, %s at %s Bd", choice, baud or "?")
  elseif maker then
    local baud = SPEEDS[code] or 300
    branch:add(e.kind, buffer, "identification")
    branch:add(e.manufacturer, buffer, maker)
    branch:add(e.baud, buffer, baud)
    branch:add(e.identification, buffer, told)
    return string.format("identification %s %s, %d Bd", maker, told, baud)
  end
  return nil
end

function hdlc.dissector(buffer, pinfo, tree)
  local size, way = header(buffer, tree)
  if not size then return 0 end
  local name, length = buffer(10, size - 10):string(), buffer:len()
  pinfo.cols.protocol = "HDLC"
  if length == size then return length end
  local line = buffer(2, 1):uint() == 1 and line_of(buffer(size), tree)
  if line then
    pinfo.cols.protocol = "MODE E"
    pinfo.cols.info = string.format("%s %s: %s", way, name, line)
    return length
  end
  local branch = tree:add(hdlc, buffer(size))
  local start = size + 1
  local announced = length >= start + 2 and buffer(start, 2):uint() % 2048 or 0
  local target = address(buffer, start + 2)
  local sender = target and address(buffer, start + 2 + target)
  if buffer(2, 1):uint() ~= 0 or not sender or start + announced > length or announced < 7 then
    branch:add(d.other, buffer(size))
    pinfo.cols.info = string.format("%s %s: no frame", way, name)
    return length
  end
  local last = start + announced
  branch:add(d.format, buffer(start, 2))
  branch:add(d.segmented, buffer(start, 1), math.floor(buffer(start, 1):uint() / 8) % 2 == 1)
  branch:add(d.length, buffer(start, 2), announced)
  branch:add(d.destination, buffer(start + 2, target))
  branch:add(d.source, buffer(start + 2 + target, sender))
  local at = start + 2 + target + sender
  local control = buffer(at, 1):uint()
  branch:add(d.control, buffer(at, 1))
  branch:add(d.kind, buffer(at, 1), kind_of(control))
  branch:add(d.poll, buffer(at, 1), math.floor(control / 16) % 2 == 1)
  pinfo.cols.info = string.format("%s %s: %s", way, name, kind_of(control))
  if last > at + 3 then
    branch:add_le(d.hcs, buffer(at + 1, 2))
    if not intact(buffer, start, at + 3) then branch:add_proto_expert_info(wrong) end
    local information = buffer(at + 3, last - at - 5)
    branch:add(d.information, information)
    local whole = math.floor(buffer(start, 1):uint() / 8) % 2 == 0
    if whole and information:len() > 3 and information(0, 1):uint() == 0xe6
      and (control % 2 == 0 or control % 32 == 3 or control % 32 == 19) then
      apdu.dissector(information(3):tvb(), pinfo, tree)
    end
  end
  branch:add_le(d.fcs, buffer(last - 2, 2))
  if not intact(buffer, start, last) then branch:add_proto_expert_info(wrong) end
  return length
end

-- --- messages ------------------------------------------------------------------------------------

local message = Proto("ami_message", "Concentrator message")
local m = {
  topic = ProtoField.string("ami_message.topic", "Topic"),
  kind = ProtoField.string("ami_message.type", "Type"),
  order = ProtoField.string("ami_message.order", "Order"),
  payload = ProtoField.string("ami_message.payload", "Payload"),
}
message.fields = m

function message.dissector(buffer, pinfo, tree)
  local size, way = header(buffer, tree)
  if not size then return 0 end
  pinfo.cols.protocol = "AMI"
  local branch = tree:add(message, buffer(size))
  local topic = buffer(10, size - 10)
  branch:add(m.topic, topic)
  if buffer:len() == size then return size end
  local payload = buffer(size)
  local text = payload:string()
  local kind, order = text:match('"type":"([^"]*)"'), text:match('"order":"([^"]*)"')
  if kind then branch:add(m.kind, payload, kind) end
  if order then branch:add(m.order, payload, order) end
  branch:add(m.payload, payload)
  local json = Dissector.get("json")
  if json then json:call(payload:tvb(), pinfo, tree) end  -- it writes its own name into columns
  pinfo.cols.protocol = "AMI"
  pinfo.cols.info = string.format("%s: %s%s", topic:string(), kind or "unknown",
    order and (" of order " .. order) or "")
  return buffer:len()
end

local links = DissectorTable.get("wtap_encap")
links:add(wtap.USER0, plc)
links:add(wtap.USER1, hdlc)
links:add(wtap.USER3, message)
