"""Drives a MESH endpoint with NHS England's Python client, and prints the name of each check that held.

Arguments: base URL; over HTTPS also CA bundle, client certificate and its key. The mailboxes are those of mesh-sandbox.
"""

import gzip
import sys
import uuid

import requests
from mesh_client import MeshClient, MeshError

url, *tls = sys.argv[1:]
secure = {"verify": tls[0], "cert": (tls[1], tls[2])} if tls else {}
content = b"".join(b"%010d,\r\n" % number for number in range(3000))


def client(mailbox, **options):
    return MeshClient(url, mailbox, "password", shared_key=b"TestKey", max_retries=0, timeout=20, **secure, **options)


def status_of(call):
    try:
        call()
    except requests.HTTPError as error:
        return error.response.status_code
    return 200


def check_handshake(alice, bob):
    alice.handshake()
    bob.handshake()
    assert alice.ping()["outcome"] == "Yes"


def check_plain(alice, bob):
    local_id = uuid.uuid4().hex
    sent = alice.send_message(
        "X26ABC2", content, workflow_id="PLAIN", local_id=local_id, subject="a subject", filename="a.csv",
        content_type="text/csv", checksum="b10a8db1", partner_id="partner", encrypted=False,
    )
    assert bob.list_messages() == [sent]
    assert bob.count_messages() == 1
    message = bob.retrieve_message(sent)
    assert message.read() == content
    assert (message.sender, message.recipient, message.message_id) == ("X26ABC1", "X26ABC2", sent)
    assert (message.workflow_id, message.local_id, message.subject) == ("PLAIN", local_id, "a subject")
    assert (message.filename, message.content_type, message.message_type) == ("a.csv", "text/csv", "DATA")
    assert (message.checksum, message.partner_id) == ("b10a8db1", "partner")
    assert alice.track_message(sent)["status"] == "accepted"
    message.acknowledge()
    tracking = alice.track_message(sent)
    assert (tracking["status"], tracking["local_id"], tracking["recipient"]) == ("acknowledged", local_id, "X26ABC2")
    assert tracking["status_success"] is True
    assert bob.list_messages() == []


def check_compressed(alice, bob):
    sent = alice.send_message("X26ABC2", content, workflow_id="COMPRESSED", compress=True)
    with bob.retrieve_message(sent) as message:
        assert message.read() == content
    assert bob.list_messages() == []


def check_chunked(alice, bob):
    for compress in (False, True):
        sent = alice.send_message("X26ABC2", content, workflow_id="CHUNKED", max_chunk_size=7001, compress=compress)
        with bob.retrieve_message(sent) as message:
            assert message.mex_header("chunk-range") == "1:6", message.mex_header("chunk-range")
            assert b"".join(message) == content
    assert bob.list_messages() == []


def check_precompressed(alice, bob):
    sent = alice.send_message("X26ABC2", gzip.compress(content), workflow_id="PACKED", compressed=True)
    with bob.retrieve_message(sent) as message:
        assert message.compressed is True
        assert gzip.decompress(message.read()) == content


def check_pages(alice, bob):
    sent = [alice.send_message("X26ABC2", b"x", workflow_id=f"PAGE_{number % 2}") for number in range(25)]
    assert list(bob.iterate_message_ids(batch_size=10)) == sent
    assert bob.list_messages(max_results=10) == sent[:10]
    assert list(bob.iterate_message_ids(workflow_filter="*GE_1*", batch_size=10)) == sent[1::2]
    assert list(bob.iterate_message_ids(workflow_filter="!PAGE_1")) == sent[::2]
    assert list(bob.iterate_message_ids(workflow_filter="PAGE*")) == sent
    seen = []
    for message in bob.iterate_all_messages():
        seen.append((message.id(), message.read()))
        message.acknowledge()
    assert seen == [(message_id, b"x") for message_id in sent]
    assert bob.list_messages() == []


def check_refusals(alice, bob):
    try:
        alice.send_message("NOBODY01", b"x", workflow_id="REFUSED")
        raise AssertionError("a message to nobody was taken")
    except MeshError as error:
        assert error.args[0] == "Unregistered to address", error.args
    assert status_of(lambda: bob.retrieve_message("20260105143801123456_A1B2C3")) == 404
    sent = alice.send_message("X26ABC2", b"x", workflow_id="REFUSED")
    bob.acknowledge_message(sent)
    bob.acknowledge_message(sent)
    assert status_of(lambda: bob.track_message(sent)) == 404
    with MeshClient(url, "X26ABC1", "wrong", shared_key=b"TestKey", max_retries=0, **secure) as stranger:
        assert status_of(stranger.handshake) == 403


def check_gone(alice, bob):
    sent = alice.send_message("X26ABC2", b"x", workflow_id="GONE")
    bob.acknowledge_message(sent)
    assert status_of(lambda: bob.retrieve_message(sent)) == 410


def check_look_up(alice, bob):
    found = {found["mailbox_id"] for found in alice.lookup_endpoint("X26", "TEST_WORKFLOW2")["results"]}
    assert {"X26ABC1", "X26ABC2"} <= found and "X26ABC3" not in found, found
    assert alice.lookup_endpoint("A00", "TEST_WORKFLOW2")["results"] == []


def check_client_certificate(_alice, _bob):
    if not tls:
        return
    try:
        requests.get(f"{url}/messageexchange/_ping", verify=tls[0], timeout=20)
        raise AssertionError("a client without a certificate was served")
    except requests.exceptions.ConnectionError as error:
        assert "alert" in str(error).lower(), error


failed = 0
with client("X26ABC1") as alice, client("X26ABC2") as bob:
    for name, check in list(globals().items()):
        if name.startswith("check_"):
            try:
                check(alice, bob)
                print(f"held {name[6:]}")
            except Exception as error:  # noqa: BLE001
                failed += 1
                print(f"FAILED {name[6:]}: {type(error).__name__}: {error}")
sys.exit(1 if failed else 0)
