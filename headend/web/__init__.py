"""Pages for people, at the door of REST: thin views over the same desks and queries.

door        the application, and which questions are its
visit       who asks: session, permission, form, language; `Visit` is what a page works with
page        a page's place in the menus
wording     texts in Spanish and English, dates and numbers as each is written
render      templates
chart       a figure and the table behind it
live        what changes, as it comes
static      scripts and styles, served by us alone
pages/      one module a page; texts/ and templates/ have its words and its looks

A page is added in three places: a module in `pages/` with `PAGES` and a `router`, listed in
`pages/__init__.py`; `texts/NAME.toml` with its words in both languages; `templates/NAME.html`.
"""
