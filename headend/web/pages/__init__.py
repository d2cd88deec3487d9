"""The pages.  One module each, in the order of the menus; add a line for a new one."""

from headend.web.pages import (
    accounts,
    alarms,
    audit,
    campaigns,
    collection,
    concentrators,
    home,
    interfaces,
    levels,
    login,
    meters,
    orders,
    preference,
    reports,
)

MODULES = (
    home,
    login,
    preference,
    alarms,
    orders,
    campaigns,
    meters,
    concentrators,
    collection,
    levels,
    reports,
    accounts,
    audit,
    interfaces,
)
