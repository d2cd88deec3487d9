"""Sequence diagrams of a run, drawn from its journals and from what travelled.

tape      what the run's recorder hears: messages and DLMS PDUs
sessions  DLMS exchanges folded into one line each
steps     everything in the order of its times, as arrows between participants
words     what they are called, in English and Spanish
mermaid, svg, text   three ways to show them
"""
