"""What is wrong with a form that was filled in, for the form to show once more."""

from __future__ import annotations

from pydantic import ValidationError

from headend.rest.problems import Problem


def told(wrong: Exception) -> tuple[str, str]:
    """Its code, which the catalogue has words for, and why.  Raises `wrong` where no filling in
    mends it: who asks may not."""
    if isinstance(wrong, Problem):
        if wrong.status == 403:
            raise wrong
        return wrong.code, wrong.detail
    if isinstance(wrong, ValidationError):
        said = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors()[:3])
        return "wrong-question", "; ".join(said)
    return "wrong-question", str(wrong)
