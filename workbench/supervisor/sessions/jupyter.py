"""Questions to the Jupyter server of a session, as its page asks them."""

from __future__ import annotations

import http.client
import json
from typing import Any

from workbench.model.session import Session

PATIENCE = 5.0  # seconds for one answer
ERRORS = (OSError, http.client.HTTPException, ValueError)


def ask(session: Session, authorization: str, path: str, method: str = "GET", body: Any = None) -> Any:
    """Its answer. Raises what is in `ERRORS`: no answer, another than JSON, or a status that says no."""
    connection = http.client.HTTPConnection("127.0.0.1", session.port, timeout=PATIENCE)
    try:
        headers = {"Authorization": authorization, "Host": f"{session.host_name}:{session.port}"}
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, body=sent, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise ValueError(answer.status)
        return json.loads(text)
    finally:
        connection.close()
