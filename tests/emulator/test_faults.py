"""Bad days on demand."""

import binascii
import contextlib
import http.client
import io
import threading
import time

import pytest
from PIL import Image

from gemnb.emulator import Fault
from gemnb.emulator.faults import KINDS


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
    before = connections()
    emulator.script(Fault(kind="stall"))
    with pytest.raises(TimeoutError):
        api.generate(ask(), timeout=0.1)
    end = time.monotonic() + 5
    while time.monotonic() < end and connections() - before:
        time.sleep(0.02)
    assert connections() <= before


def connections():
    """The threads that serve a connection, those of other emulators in this process too."""
    return {thread for thread in threading.enumerate() if thread.name == "gemnb-emulator-connection"}


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


def test_bad_base64_is_where_the_picture_should_be(api, emulator, ask):
    """The part is a picture's, its data no base64."""
    emulator.script(Fault(kind="bad-base64"))
    answer = api.generate(ask())
    with pytest.raises(binascii.Error):
        assert answer.pictures


@pytest.mark.parametrize(("count", "expected"), [(None, 2), (2, 2), (4, 4)])
def test_several_pictures_differ_and_cost_each(api, emulator, ask, count, expected):
    """The usual picture comes first, others after it, each signed, each paid for."""
    usual = api.generate(ask())
    emulator.script(Fault(kind="pictures", count=count))
    answer = api.generate(ask())
    assert answer.pictures[0] == usual.pictures[0]
    assert len(set(answer.pictures)) == expected
    signatures = {part["thoughtSignature"] for part in answer.parts if "inlineData" in part}
    assert len(signatures) == expected
    assert answer.json["usageMetadata"]["candidatesTokensDetails"][1]["tokenCount"] == 747 * expected


def test_huge_is_4096_by_4096(api, emulator, ask):
    """The picture has the largest size's pixels, weight and price, though a small one was asked for."""
    emulator.script(Fault(kind="huge"))
    answer = api.generate(ask())
    ((mime_type, data),) = answer.pictures
    assert (mime_type, kind_of(data)) == ("image/jpeg", "JPEG")
    assert len(data) > 500_000
    assert answer.picture().size == (4096, 4096)
    assert answer.json["usageMetadata"]["candidatesTokensDetails"][1]["tokenCount"] == 2520


def test_other_model_answers_as_another(api, emulator, ask):
    """The answer is the usual one but for its modelVersion."""
    usual = api.generate(ask()).json
    emulator.script(Fault(kind="other-model"), Fault(kind="other-model", model="emulator/sketch-9"))
    found = [api.generate(ask()).json for _ in range(2)]
    assert [answer["modelVersion"] for answer in found] == ["emulator/sketch-0", "emulator/sketch-9"]
    assert [answer | {"modelVersion": usual["modelVersion"]} for answer in found] == [usual] * 2


def test_no_candidates_gives_no_reason(api, emulator, ask):
    """200 with an empty list and no promptFeedback."""
    emulator.script(Fault(kind="no-candidates"))
    answer = api.generate(ask())
    assert answer.status == 200
    assert answer.json["candidates"] == []
    assert "promptFeedback" not in answer.json


def test_no_parts_stops_without_a_word(api, emulator, ask):
    """STOP, content without parts, and no message."""
    emulator.script(Fault(kind="no-parts"))
    assert api.generate(ask()).json["candidates"] == [
        {"content": {"role": "model"}, "finishReason": "STOP", "index": 0}
    ]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (None, "INTERNAL"),
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (409, "ABORTED"),
        (413, "UNKNOWN"),
        (429, "RESOURCE_EXHAUSTED"),
        (499, "CANCELLED"),
        (500, "INTERNAL"),
        (504, "DEADLINE_EXCEEDED"),
        (599, "UNKNOWN"),
    ],
)
def test_an_error_has_the_status_asked_for(api, emulator, ask, status, word):
    """Any 4xx or 5xx in Google's JSON, with the word that goes with it."""
    emulator.script(Fault(kind="error", status=status, message="Not today."))
    answer = api.generate(ask())
    assert answer.status == answer.error["code"] == (status or 500)
    assert answer.error == {"code": answer.status, "status": word, "message": "Not today."}


def test_an_error_may_have_another_word(api, emulator, ask):
    """A reason replaces the usual word, as FAILED_PRECONDITION comes with 400."""
    emulator.script(Fault(kind="error", status=400, reason="FAILED_PRECONDITION"))
    assert api.generate(ask()).error["status"] == "FAILED_PRECONDITION"


def test_redirect_points_elsewhere(api, emulator, ask):
    """307 with a Location and no body."""
    emulator.script(Fault(kind="redirect"), Fault(kind="redirect", location="https://a.invalid/b?c=d"))
    first, second = api.generate(ask()), api.generate(ask())
    assert (first.status, first.headers["location"], first.body) == (307, "https://elsewhere.invalid/", b"")
    assert second.headers["location"] == "https://a.invalid/b?c=d"


def test_html_is_a_page_that_calls_itself_fine(api, emulator, ask):
    """200, a page of HTML, as a captive portal answers."""
    emulator.script(Fault(kind="html"))
    answer = api.generate(ask())
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=UTF-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_empty_body_is_a_success_without_a_byte(api, emulator, ask):
    """200 and nothing."""
    emulator.script(Fault(kind="empty-body"))
    answer = api.generate(ask())
    assert (answer.status, answer.body) == (200, b"")


def test_bad_json_is_half_an_answer_of_the_right_length(api, emulator, ask):
    """The transport is content, the JSON is not."""
    usual = api.generate(ask()).body
    emulator.script(Fault(kind="bad-json"))
    answer = api.generate(ask())
    assert (answer.status, answer.body) == (200, usual[: len(usual) // 2])


def test_truncated_ends_before_its_length(api, emulator, ask):
    """The connection closes in good order with half of the body missing."""
    usual = api.generate(ask()).body
    emulator.script(Fault(kind="truncated"))
    with pytest.raises(http.client.IncompleteRead) as caught:
        api.generate(ask())
    assert caught.value.partial == usual[: len(usual) // 2]
    assert api.generate(ask()).body == usual


def test_reset_breaks_the_connection_in_the_body(api, emulator, ask):
    """The client's read fails with a reset; the next request is answered and no thread is left."""
    emulator.script(Fault(kind="reset"))
    with pytest.raises(ConnectionResetError):
        api.generate(ask())
    assert api.generate(ask()).status == 200


def test_hang_up_sends_nothing(api, emulator, ask):
    """The connection ends before a byte of an answer."""
    emulator.script(Fault(kind="hang-up"))
    with pytest.raises(http.client.RemoteDisconnected):
        api.generate(ask())
    assert len(emulator.calls) == 1


def test_drip_brings_the_usual_answer_in_the_end(api, emulator, ask):
    """Twenty pieces with nineteen pauses, and not a byte differs."""
    usual = api.generate(ask()).body
    emulator.script(Fault(kind="drip", seconds=0.02))
    start = time.monotonic()
    assert api.generate(ask()).body == usual
    assert time.monotonic() - start >= 19 * 0.02


def test_a_drip_ends_when_its_client_goes(api, emulator, ask):
    """A client that has had enough leaves no thread behind."""
    before = connections()
    emulator.script(Fault(kind="drip", seconds=30))
    with pytest.raises(TimeoutError):
        api.generate(ask(), timeout=0.1)
    end = time.monotonic() + 5
    while time.monotonic() < end and connections() - before:
        time.sleep(0.02)
    assert connections() <= before


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_described(kind):
    """The docstring of Fault names each kind and says what it is."""
    assert f"`{kind}` (" in Fault.__doc__


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"stall", "huge"}))
def test_after_any_fault_the_next_request_is_answered(api, emulator, ask, kind):
    """Whatever happened to one request, the next gets the usual answer."""
    emulator.script(Fault(kind=kind, seconds=0) if "seconds" in KINDS[kind] else Fault(kind=kind))
    with contextlib.suppress(OSError, http.client.HTTPException):
        api.generate(ask())
    assert api.generate(ask()).status == 200
    assert len(emulator.calls) == 2


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
        ({"kind": "drafts", "count": 3}, ValueError, "from 1 to 2"),
        ({"kind": "drafts", "count": 0}, ValueError, "from 1 to 2"),
        ({"kind": "drafts", "count": 1.0}, ValueError, "from 1 to 2"),
        ({"kind": "pictures", "count": 1}, ValueError, "from 2 to 4"),
        ({"kind": "pictures", "count": True}, ValueError, "from 2 to 4"),
        ({"kind": "error", "status": 200}, ValueError, "from 400 to 599"),
        ({"kind": "error", "status": "500"}, ValueError, "from 400 to 599"),
        ({"kind": "overloaded", "status": 503}, ValueError, "does not use 'status'"),
        ({"kind": "redirect", "location": "https://x.invalid/\r\nSet-Cookie: y"}, ValueError, "without blanks"),
        ({"kind": "redirect", "location": 7}, TypeError, "strings"),
        ({"kind": "other-model", "model": 7}, TypeError, "strings"),
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
