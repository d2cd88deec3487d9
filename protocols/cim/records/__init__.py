"""The payloads of the nouns as records, made from the outlines: one module for each noun.

A field is named as its element, in snake case; an element that only refers (`@ref`) is the text it
refers by.  `parts_auto` has the classes that several nouns have alike, such as Name.
"""
