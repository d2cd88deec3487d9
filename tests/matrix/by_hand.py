"""What was held against programs that no registry has, and so is run by hand: prose of the page."""

BY_HAND = """
## By hand: programs of other languages

No registry has these, so a person runs them: their own example programs, built from source and
changed only where they do not build or start, each a process of its own over TCP. Last run
2026-11-22: GuruxDLMS.c 9.0.2608.1701 (C), Gurux.DLMS.cpp of 2026-08-17 (C++), gurux.dlms.java
4.0.97 (Java 17).

Their clients at our meter read the object list and then every attribute that it lists, each profile
by entry and by range:

| client | none, LLS | HLS MD5, SHA-1, SHA-256 | HLS GMAC, ciphered | wrapper | HDLC |
|---|:-:|:-:|:-:|:-:|:-:|
| C | ✓ | ✓ | ✓ | ✓ | fault <sup>a</sup> |
| C++ | ✓ | ✓ | ✓ <sup>b</sup> | ✓ | ✓ <sup>c</sup> |
| Java | ✓ | ✓ | ✓ <sup>b</sup> | ✓ | ✓ <sup>d</sup> |

Our probe at their servers (`identify`, `objects`, `read`, `clock`, `profile`, `events`, `doctor`):

| server | none | LLS | HLS GMAC, ciphered | wrapper | HDLC |
|---|:-:|:-:|:-:|:-:|:-:|
| C | ✓ <sup>e</sup> | ✓ | ✓ | ✓ | ✓ |
| C++ | ✓ <sup>f</sup> | ✓ | ✓ <sup>g</sup> | ✓ | ✓ |
| Java | ✓ | ✓ <sup>f</sup> | fault <sup>h</sup> | ✓ | ✓ |

- a: A fault: it runs out of memory at the AARE on HDLC, at its own server too. Over the wrapper it
  has room for what the server can receive, though it names no limit of its own; and with GMAC it
  fails at challenges of 32 octets. So our meter sends 1024 octets at once to who names no limit,
  the rest in blocks, and its challenges have 16 octets where nothing is signed.
- b: Suite 0 authenticated, encrypted and both; suite 1 both. Suite 2: the Java program takes no
  authentication key of 32 octets, and was not run in C++.
- c: A fault: with a window of 4 it acknowledges one frame where it got three (I-frames 0 to 2, RR
  with N(R) 1). Our meter sends again from there, as it must (ISO/IEC 13239: N(R) is the next frame
  expected); it takes what comes twice for what comes next, and asks on before the last frame.
- d: It reads attributes that the object list gives no right to read, and is refused.
- e: A fault: it encodes its clock within a second octet string, whose octets trail the first: read
  and flagged (`trailing-octets`). It refuses its event log without rows (temporary-failure), in a
  block that begins again inside itself: taken for the refusal that it is.
- f: A fault: profiles selected by range name fewer rows than they send, 0 or 1: all are read and
  flagged. Their RLRE says a length that is not its own: taken for the release that it is. The C++
  server ends itself at a GET with list that names an object which it has not, so the probe asks
  for objects alone until they have answered (`limit`, `disconnect`, `firmware`, `push`, too).
- g: It has no invocation counter that can be read, so the probe begins with the first.
- h: A fault: it answers the ciphered reply_to_HLS with an exception response, to its own client
  too.

What changes something, by a program with the library in Java at our meter (LLS and HLS GMAC on the
wrapper, HLS GMAC on HDLC): the clock set, shifted and set back, the limiter's threshold, supply off
and on, each read back, then a list of three objects and a profile by entry and by range.

What changes something by our probe (LLS, both framings in C, HDLC in C++): `clock --set` is taken
and read back by the servers in C and C++. `limit` and `disconnect` find no such objects in C++. The
server in C gives its limiter and its disconnect control to be read (its limit is one of energy),
and answers SET and ACTION of both with read-write-denied; the probe says so.

Our meter's pushes reach the Java listener, which takes those for client 1 alone, where ours go to
client 6, and reads those alone that begin with their own object list; ours begin with the push
setup's name, as its push_object_list says. gurux-dlms in Python takes a push that our encoder wrote
for client 1 and for client 6, and reads its time and its elements.
"""
