"""Who may use the head-end, proven and written down.

passwords   hashes of passwords (Argon2id)
tokens      opaque secrets for programs
sessions    people at the pages
oidc        people whom the utility's identity provider knows
first       the first administrator
desk        accounts and tokens are made and changed
guard       who is it, and may they?
knocks      too many wrong tries from one place
lines       what the audit log says of each
"""
