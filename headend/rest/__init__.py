"""REST for other systems: JSON over HTTP, tokens with scopes, described by OpenAPI.

door        the application, and who may open it where
asking      who asks, and whether they may: every route names its permission
problems    what went wrong, as RFC 9457 wants it told
bounds      how large a question may be
paging      long lists in pages, by cursor
orders meters readings collecting     the routes
standing    /health and /metrics
"""
