"""The wire carries every verb of the port, and says what it cannot carry."""

import inspect

import pytest

from luajobs_kit import errors, http_protocol, port_schema
from luajobs_kit.client import HttpPort
from luajobs_kit.errors import InvalidInput, LuaJobsError
from luajobs_kit.port import Port


def test_every_verb_of_the_port_is_on_the_wire():
    abstract = {name for name in vars(Port) if getattr(vars(Port)[name], "__isabstractmethod__", 0)}
    assert abstract == {*port_schema.VERBS, *port_schema.STREAMS, *port_schema.LOCAL}
    assert not inspect.isabstract(HttpPort)


@pytest.mark.parametrize("name", sorted({*port_schema.VERBS, *port_schema.STREAMS}))
def test_the_client_asks_with_the_ports_own_signature(name):
    ours = inspect.signature(getattr(HttpPort, name))
    assert list(ours.parameters) == list(inspect.signature(getattr(Port, name)).parameters)


def test_what_the_server_reads_is_what_the_client_wrote():
    verb = port_schema.verb("call")
    asked = {"verb": "user.update", "arguments": {"data": {"a": None, "b": [1.5, "ü"]}}}
    assert verb.read_request(verb.write_request(asked)) == asked
    assert port_schema.verb("settings").read_request(b"") == {}


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"jobId": 1}', b'{"jobId": "x", "other": 1}'])
def test_a_request_that_cannot_be_read_names_the_verb(body):
    with pytest.raises(InvalidInput, match="get_job"):
        port_schema.verb("get_job").read_request(body)


@pytest.mark.parametrize("value", ["\ud800", {"a": b"x"}, {1: 2}, {"x": float("inf")}])
def test_a_value_without_a_form_in_json_is_refused_before_it_is_sent(value):
    with pytest.raises(InvalidInput):
        port_schema.verb("update_metadata").write_request({"job_id": "x", "changes": {"a": value}})


def test_a_request_that_is_too_long_is_refused_before_it_is_sent():
    with pytest.raises(InvalidInput, match="more than one request"):
        port_schema.verb("call").write_request(
            {"verb": "x", "arguments": {"a": "x" * http_protocol.MAX_BODY}}
        )


def kinds(root=LuaJobsError):
    return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind.__module__ == errors.__name__])
def test_an_error_arrives_as_the_class_it_was_raised_as(kind):
    error = kind("What was wrong.", field="a.b", line=3)
    status = http_protocol.status_of(error)
    again = http_protocol.read_error(http_protocol.write_error(error), status)
    assert type(again) is kind
    assert (again.message, again.details) == (error.message, error.details)
    assert 400 <= status < 600


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}', b'{"error": {}}'])
def test_an_answer_that_is_no_envelope_is_still_told(body):
    assert "502" in http_protocol.read_error(body, 502).message
