"""The pages.  One module each, in the order of the menus; add a line for a new one."""

from headend.web.pages import home, login, preference

MODULES = (
    home,
    login,
    preference,
)
