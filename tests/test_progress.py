"""Asking long work to stop."""

from __future__ import annotations

import threading

import pytest

from mnistgan.progress import CutOff, StopToken


def test_work_that_polls_is_not_disturbed() -> None:
    token = StopToken()
    token.request()
    assert token.requested


def test_a_request_from_the_same_thread_cuts_work_off() -> None:
    token = StopToken()
    with pytest.raises(CutOff), token.cutting_off():
        token.request()
    assert token.requested
    token.request()  # outside it only tells


def test_a_request_that_was_there_before_keeps_work_from_beginning() -> None:
    token = StopToken()
    token.request()
    with pytest.raises(CutOff), token.cutting_off():
        pytest.fail("began")


def test_a_request_from_another_thread_waits() -> None:
    token = StopToken()
    with token.cutting_off():
        thread = threading.Thread(target=token.request)
        thread.start()
        thread.join()
    assert token.requested


def test_a_cut_off_comes_once() -> None:
    """A signal that comes while the context is being left must not cut off what follows."""
    token = StopToken()
    with token.cutting_off():
        with pytest.raises(CutOff):
            token.request()
        token.request()
