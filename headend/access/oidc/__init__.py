"""People whom the utility's identity provider knows (OpenID Connect Core 1.0).

refusing    why somebody was not let in
attempt     what binds an answer of the provider to the browser that was sent there
metadata    what a provider tells of itself
keys        the keys it signs by
provider    the provider, asked by HTTP and remembered
id_token    the tokens that say who somebody is, and that they have left, checked
person      whom the claims describe
accounts    the account of a person: found, linked, made, given its roles
login       the whole way, there and back
"""
