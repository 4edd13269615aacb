"""Reads measurements of ours with OONI's own reader (`oonidata` on PyPI) and holds what it read against the file.

Usage: reads_us.py FILE.jsonl
"""

import base64
import dataclasses
import json
import sys
import types
import typing

from oonidata.dataclient import load_measurement
from oonidata.models.nettests import (
    FacebookMessenger,
    Signal,
    Telegram,
    WebConnectivity,
    Whatsapp,
)

MODELS = {
    "web_connectivity": WebConnectivity,
    "telegram": Telegram,
    "whatsapp": Whatsapp,
    "facebook_messenger": FacebookMessenger,
    "signal": Signal,
}

# Its type is wrong in the reader: OONI's own measurements have a number there.
KNOWN = {"NetworkEvent.transaction_id"}


def misfits(value, hint, path):
    """Where a value is not of the type that the reader declares. It does not look itself."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any:
        return
    if origin in (typing.Union, types.UnionType):
        found = [list(misfits(value, arg, path)) for arg in args]
        if all(found):
            yield from min(found, key=len)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {type(value).__name__} is no list"
        else:
            for item in value:
                yield from misfits(item, args[0], f"{path}[]")
    elif origin is tuple:
        if not isinstance(value, (list, tuple)) or len(value) != len(args):
            yield f"{path}: {value!r} is no tuple"
    elif origin is dict or hint is dict or hint is typing.Dict:
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} is no dict"
    elif origin is typing.Literal:
        if value not in args:
            yield f"{path}: {value!r} is not one of {args}"
    elif dataclasses.is_dataclass(hint):
        if not isinstance(value, hint):
            yield f"{path}: {type(value).__name__} is no {hint.__name__}"
            return
        for name, of in typing.get_type_hints(hint).items():
            place = f"{hint.__name__}.{name}"
            if not name.startswith("_") and place not in KNOWN and hasattr(value, name):
                yield from misfits(getattr(value, name), of, place)
    elif hint is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            yield f"{path}: {value!r} is no number"
    elif isinstance(hint, type) and not isinstance(value, hint):
        yield f"{path}: {value!r:.80} is no {hint.__name__}"


def check(line):
    ours = json.loads(line)
    read = load_measurement(msmt=json.loads(line))
    model = MODELS[ours["test_name"]]
    assert type(read) is model, type(read)
    found = list(misfits(read, model, "measurement"))
    assert not found, found
    assert (read.input, read.probe_asn, read.test_name) == (
        ours["input"],
        ours["probe_asn"],
        model.__test_name__,
    )
    keys, own = read.test_keys, ours["test_keys"]
    for name in ("queries", "tcp_connect", "tls_handshakes", "network_events", "requests"):
        # OONI's model of its test of Facebook Messenger has lookups and connects alone.
        if model is not FacebookMessenger or name in ("queries", "tcp_connect"):
            assert len(getattr(keys, name)) == len(own[name]), name
    # A page may be at a name that leads nowhere; an application never is as a whole.
    assert model is WebConnectivity or (keys.queries and keys.tcp_connect)
    for query, its in zip(keys.queries, own["queries"]):
        assert (query.hostname, query.failure, query.engine) == (
            its["hostname"],
            its["failure"],
            its["engine"],
        )
        if query.raw_response:
            # A packet of DNS: an answer to one question.
            packet = base64.b64decode(query.raw_response, validate=True)
            assert packet[2] & 0x80 and packet[4:6] == b"\x00\x01", packet
    if model is FacebookMessenger:
        return ours["test_name"]
    for shaken in keys.tls_handshakes:
        for certificate in shaken.peer_certificates:
            assert certificate.format == "base64"
            assert base64.b64decode(certificate.data, validate=True)[0] == 0x30
    for request, its in zip(keys.requests, own["requests"]):
        assert request.request.url == its["request"]["url"]
        assert request.response.code == its["response"]["code"]
        body = its["response"]["body"]
        body = body.encode() if isinstance(body, str) else base64.b64decode(body["data"])
        assert (request.response.body_bytes or b"") == body
        assert len(request.response.headers_list_str or []) == len(its["response"]["headers_list"])
    if own.get("control"):
        assert keys.control.dns.addrs == own["control"]["dns"]["addrs"]
        assert keys.control.http_request.status_code == own["control"]["http_request"]["status_code"]
        assert all(isinstance(it.status, bool) for it in keys.control.tcp_connect.values())
    return ours["input"] or ours["test_name"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        read = [check(line) for line in file]
    assert read
    print("read by oonidata:", *read)


main()
