"""One run on one page: what was expected, how the orders ended, and plots of how it went.

values      what the plots show, taken from a story that has been played
figures     the plots, and the table behind each
words       the page's words, in English and Spanish
page        the page: one file that asks nobody for anything
"""
