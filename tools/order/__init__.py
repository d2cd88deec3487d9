"""`ami order`: look at orders, send one, cancel one."""
