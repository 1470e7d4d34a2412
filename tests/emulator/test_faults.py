"""Bad days on demand."""

import io
import threading
import time

import pytest
from PIL import Image

from gemnb.emulator import Fault


def kind_of(data):
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.format


def test_rate_limited_says_when_to_come_back(api, emulator, ask):
    """429 with Retry-After in whole seconds and RetryInfo with the exact ones."""
    emulator.script(Fault(kind="rate-limited", seconds=1.5))
    answer = api.generate(ask())
    assert (answer.status, answer.error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert answer.headers["retry-after"] == "2"
    assert answer.error["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]


@pytest.mark.parametrize(("seconds", "delay"), [(0, "0s"), (None, "1s"), (0.05, "0.05s"), (30, "30s")])
def test_retry_delays_are_written_as_protobuf_writes_them(api, emulator, ask, seconds, delay):
    """Seconds without needless zeros; one second unless told."""
    emulator.script(Fault(kind="rate-limited", seconds=seconds))
    assert api.generate(ask()).error["details"][0]["retryDelay"] == delay


def test_overloaded_is_unavailable(api, emulator, ask):
    """503 in Google's JSON, Retry-After only if the fault has seconds."""
    emulator.script(Fault(kind="overloaded"), Fault(kind="overloaded", seconds=3))
    first, second = api.generate(ask()), api.generate(ask())
    assert (first.status, first.error["status"]) == (503, "UNAVAILABLE")
    assert "retry-after" not in first.headers
    assert second.headers["retry-after"] == "3"


def test_overloaded_html_is_no_json(api, emulator, ask):
    """503 as a front end sends it: a page."""
    emulator.script(Fault(kind="overloaded-html"))
    answer = api.generate(ask())
    assert (answer.status, answer.headers["content-type"]) == (503, "text/html; charset=UTF-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_stall_never_answers_and_the_next_request_does(api, emulator, ask):
    """A stalled request is left without a byte; the server goes on."""
    emulator.script(Fault(kind="stall"))
    with pytest.raises(TimeoutError):
        api.generate(ask(), timeout=0.3)
    assert api.generate(ask()).status == 200


def test_a_stalled_thread_ends_when_its_client_goes(api, emulator, ask):
    """Nothing is left waiting for a client that has hung up."""
    emulator.script(Fault(kind="stall"))
    with pytest.raises(TimeoutError):
        api.generate(ask(), timeout=0.1)
    end = time.monotonic() + 5
    while time.monotonic() < end and connections():
        time.sleep(0.02)
    assert connections() == []


def connections():
    return [thread.name for thread in threading.enumerate() if thread.name == "gemnb-emulator-connection"]


def test_latency_answers_properly_but_late(api, emulator, ask):
    """The answer is the usual one, after the seconds asked for."""
    usual = api.generate(ask())
    emulator.script(Fault(kind="latency", seconds=0.4))
    start = time.monotonic()
    late = api.generate(ask())
    assert time.monotonic() - start >= 0.4
    assert late.body == usual.body


def test_prompt_blocked_has_no_candidates(api, emulator, ask):
    """200 with the reason and its message in promptFeedback, and nothing else to look at."""
    emulator.script(Fault(kind="prompt-blocked", reason="IMAGE_SAFETY", message="Not this."))
    answer = api.generate(ask())
    assert answer.status == 200
    assert "candidates" not in answer.json
    assert answer.json["promptFeedback"] == {"blockReason": "IMAGE_SAFETY", "blockReasonMessage": "Not this."}


def test_no_image_has_a_reason_and_no_parts(api, emulator, ask):
    """200 with finishReason and finishMessage, and content without parts; other reasons on demand."""
    emulator.script(Fault(kind="no-image"), Fault(kind="no-image", reason="IMAGE_SAFETY"))
    plain, safety = (api.generate(ask()).json["candidates"][0] for _ in range(2))
    assert plain["finishReason"] == "NO_IMAGE"
    assert plain["finishMessage"]
    assert "parts" not in plain["content"]
    assert safety["finishReason"] == "IMAGE_SAFETY"


def test_text_only_stops_with_words(api, emulator, ask):
    """STOP, one text, no picture, and no price of one."""
    emulator.script(Fault(kind="text-only", message="Here is your image."))
    answer = api.generate(ask())
    assert answer.parts == [{"text": "Here is your image."}]
    assert answer.json["candidates"][0]["finishReason"] == "STOP"
    assert [row["modality"] for row in answer.json["usageMetadata"]["candidatesTokensDetails"]] == ["TEXT"]


@pytest.mark.parametrize(("count", "drafts"), [(None, 1), (1, 1), (2, 2)])
def test_drafts_come_before_the_picture(api, emulator, ask, count, drafts):
    """A thought, then drafts, all marked as thoughts, then what a request without the fault gets."""
    usual = api.generate(ask())
    emulator.script(Fault(kind="drafts", count=count))
    answer = api.generate(ask())
    thoughts = [part for part in answer.parts if part.get("thought")]
    assert [("text" in part, "inlineData" in part) for part in thoughts] == [(True, False)] + [(False, True)] * drafts
    assert answer.parts[len(thoughts) :] == usual.parts
    assert len({part["inlineData"]["data"] for part in answer.parts if "inlineData" in part}) == drafts + 1


def test_jpeg_changes_the_format_and_its_name(api, emulator, ask):
    """The picture is a JPEG and is called one."""
    emulator.script(Fault(kind="jpeg"))
    ((mime_type, data),) = api.generate(ask()).pictures
    assert (mime_type, kind_of(data)) == ("image/jpeg", "JPEG")


def test_bad_key_is_told_as_google_tells_it(api, emulator, ask):
    """400 with API_KEY_INVALID in the details, not 401 or 403."""
    emulator.script(Fault(kind="bad-key"))
    answer = api.generate(ask())
    assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.error["message"] == "API key not valid. Please pass a valid API key."
    assert answer.error["details"][0]["reason"] == "API_KEY_INVALID"


def test_not_an_image_is_text_under_a_pictures_name(api, emulator, ask):
    """The MIME type says PNG, the bytes are words."""
    emulator.script(Fault(kind="not-an-image"))
    ((mime_type, data),) = api.generate(ask()).pictures
    assert mime_type == "image/png"
    assert data.decode("ascii").startswith("This text")
    with pytest.raises(OSError, match="cannot identify"):
        kind_of(data)


def test_a_truncated_image_begins_well(api, emulator, ask):
    """The first half of the PNG that would have come."""
    ((_, whole),) = api.generate(ask()).pictures
    emulator.script(Fault(kind="truncated-image"))
    ((mime_type, data),) = api.generate(ask()).pictures
    assert mime_type == "image/png"
    assert whole.startswith(data)
    with pytest.raises(OSError, match="truncated"):
        kind_of(data)


def test_a_wrong_mime_type_hides_a_good_jpeg(api, emulator, ask):
    """The MIME type says PNG, the bytes are a whole JPEG."""
    emulator.script(Fault(kind="wrong-mime"))
    ((mime_type, data),) = api.generate(ask()).pictures
    assert (mime_type, kind_of(data)) == ("image/png", "JPEG")


def test_faults_happen_once_each_in_order(api, emulator, ask):
    """The queue empties as requests come, then all is well again."""
    emulator.script(Fault(kind="overloaded"), Fault(kind="rate-limited"))
    emulator.script(Fault(kind="bad-key"))
    assert [api.generate(ask()).status for _ in range(4)] == [503, 429, 400, 200]


def test_threads_share_the_script_one_fault_each(api, emulator, ask):
    """Of eight requests at once as many fail as there are faults."""
    emulator.script(*[Fault(kind="overloaded")] * 3)
    found = []
    threads = [threading.Thread(target=lambda: found.append(api.generate(ask()).status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] * 5 + [503] * 3


def test_a_request_for_another_model_does_not_use_a_fault_up(api, emulator, ask):
    """404 comes first; the fault waits for a request that could have been answered."""
    emulator.script(Fault(kind="overloaded"))
    assert [api.generate(ask(), model=model).status for model in ("gemini-x", "emulator/sketch-1")] == [404, 503]


def test_clear_drops_what_has_not_happened(api, emulator, ask):
    """After clear all is well, and no call is remembered."""
    api.generate(ask())
    emulator.script(Fault(kind="overloaded"))
    emulator.clear()
    assert emulator.calls == ()
    assert api.generate(ask()).status == 200


@pytest.mark.parametrize(
    ("fields", "error", "word"),
    [
        ({"kind": "rate-limit"}, ValueError, "'rate-limited'"),
        ({"kind": "Stall"}, ValueError, "'stall'"),
        ({"kind": ""}, ValueError, "unknown fault kind"),
        ({"kind": 7}, TypeError, "string"),
        ({"kind": "jpeg", "seconds": 1}, ValueError, "does not use 'seconds'"),
        ({"kind": "latency", "seconds": -1}, ValueError, "from 0 to 3600"),
        ({"kind": "latency", "seconds": float("nan")}, ValueError, "from 0 to 3600"),
        ({"kind": "latency", "seconds": "1"}, TypeError, "number"),
        ({"kind": "latency", "seconds": True}, TypeError, "number"),
        ({"kind": "drafts", "count": 3}, ValueError, "1 or 2"),
        ({"kind": "drafts", "count": 0}, ValueError, "1 or 2"),
        ({"kind": "drafts", "count": 1.0}, ValueError, "1 or 2"),
        ({"kind": "no-image", "reason": 5}, TypeError, "strings"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_when_it_is_made(fields, error, word):
    """A misspelt kind names the nearest; a field that the kind does not use is an error."""
    with pytest.raises(error, match=word):
        Fault(**fields)


def test_other_processes_script_faults_over_http(api, ask):
    """POST queues them, and what cannot be a fault queues nothing."""
    queued = api.request("POST", "/emulator/faults", [{"kind": "rate-limited", "seconds": 7}, {"kind": "overloaded"}])
    assert (queued.status, queued.json) == (200, {"queued": 2})
    assert [api.generate(ask()).status for _ in range(3)] == [429, 503, 200]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ([{"kind": "overloaded"}, {"kind": "stal"}], "'stall'"),
        ([{"kind": "overloaded"}, {"kind": "stall", "second": 1}], "'seconds'"),
        ([{"kind": "overloaded"}, "stall"], "a fault is an object"),
        ([{"kind": "overloaded"}, {}], "a fault is an object"),
        ({"kind": "overloaded"}, "faults are a list"),
        (b"[{", "line 1 column"),
        (b"\xff\xfe\xff", "decode"),
        (b"[" * 100_000, "deep"),
    ],
)
def test_bad_faults_over_http_are_refused_whole(api, ask, body, word):
    """400 with the reason, and the good ones beside a bad one are not queued either."""
    answer = api.request("POST", "/emulator/faults", body)
    assert answer.status == 400
    assert word in answer.error["message"]
    assert api.generate(ask()).status == 200


def test_faults_can_be_dropped_over_http(api, ask):
    """DELETE empties the queue."""
    api.request("POST", "/emulator/faults", [{"kind": "overloaded"}])
    assert api.request("DELETE", "/emulator/faults").json == {"queued": 0}
    assert api.generate(ask()).status == 200
