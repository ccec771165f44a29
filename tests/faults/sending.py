"""M1 to M4: mail servers and readers that behave badly."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
from django.db import connections
from django.utils import timezone

from notifications import outbox
from notifications.models import Attempt, Delivery, State, Subscriber
from tests import world
from tests.faults.ground import Ground, Verdict, ground
from tests.processes import wait_until
from tests.sinks import SmtpSink


def _make_due() -> None:
    """Pauses are shortened: their length is not what is tried here."""
    Delivery.objects.filter(state=State.WAITING).update(next_attempt_at=timezone.now())


class _Bad:
    """A mail server that takes connections and hangs up (or says nothing), and counts them."""

    def __init__(self, port: int, is_silent: bool) -> None:
        self.tries: list[float] = []
        self._is_silent = is_silent
        self._open: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _address = self._socket.accept()
            except OSError:
                return
            self.tries.append(time.monotonic())
            if self._is_silent:
                self._open.append(peer)
            else:
                peer.close()

    def stop(self) -> None:
        """Ends it."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in self._open:
            peer.close()

    def most_in_a_second(self) -> int:
        """The most tries within any second."""
        return max((sum(at <= other < at + 0.95 for other in self.tries) for at in self.tries), default=0)


def _held_by_others(size: int) -> int:
    """How many older mails may leave after a newer one: claims are taken oldest first, and four children hold one each."""
    return 3 * outbox.CLAIM if size > outbox.CLAIM else 8


def m1_mail_server_down(seed: int, size: int = 60, down: float = 12, twin: str = "") -> Verdict:
    """The mail server hangs up, is silent, comes back, puts some off: nothing is lost, few tries, oldest first."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        it.people(max(10, size // 4), 4)
        port = it.sink.port
        it.sink.stop()
        bad = _Bad(port, is_silent=False)
        for _n in range(3):
            it.beat()
        for _n in range(2):
            it.worker(children=2)
        it.news(it.commitments[:2])
        wait_until(lambda: bad.tries, 60, "somebody tries")
        time.sleep(down)
        it.news(it.commitments[2:])
        bad.stop()
        silent = _Bad(port, is_silent=True)
        time.sleep(down)
        silent.stop()
        back = SmtpSink(port=port, mails=it.sink.mails)
        grey = set(it.dice.sample(it.readers, len(it.readers) * 3 // 10))
        back.refusals.update(dict.fromkeys(grey, "451 4.7.1 come back later"))
        back.start()
        try:
            wait_until(
                lambda: not {o for o in it.lost() if o[0] not in grey}, 60, "what is not put off arrives"
            )
            order = [owed[1] for owed, _mail in it.accepted()]
            back.refusals.clear()
            _make_due()
            took = it.wait_until_told(60)
        finally:
            back.stop()
        it.judge_mails(verdict)
        most = max(bad.most_in_a_second(), silent.most_in_a_second())
        verdict.claim("tries while down", len(bad.tries) + len(silent.tries), len(bad.tries) >= 1)
        verdict.claim("most tries in a second", most, most <= 1)
        old = {commitment.code for commitment in it.commitments[:2]}
        half = [code in old for code in order]
        first_new = half.index(False) if False in half else len(half)
        late = sum(half[first_new:])
        verdict.claim("old ones after a new one", f"{late} of {sum(half)}", late <= _held_by_others(size))
        verdict.claim("done after its return", f"{took:.0f} s", took < 60)
    return verdict


def m2_refused_and_cut(seed: int, size: int = 100, twin: str = "") -> Verdict:
    """One recipient in a hundred is refused, one conversation is cut after DATA."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        it.people(size, 1)
        refused, cut = it.dice.sample(it.readers, 2)
        it.sink.refusals[refused] = "550 5.1.1 nobody of this name"
        it.sink.cuts.add(cut)
        it.news()
        it.ledger.discard((refused, it.commitments[0].code))
        codes = [it.tick().process.wait(90)]
        _make_due()
        codes.append(it.tick().process.wait(90))
        it.judge_mails(verdict, excused=1)
        copies = [mail for (address, _code), mail in it.accepted() if address == cut]
        verdict.claim("copies of the one that was cut", len(copies), len(copies) == 2)
        failed = list(Attempt.objects.filter(outcome="failed").values_list("code", flat=True))
        verdict.claim("refused, with code", failed, failed == [550])
        verdict.claim("exit codes", codes, codes == [0, 0])
    return verdict


def _links(it: Ground, address: str) -> tuple[list[str], str]:
    """Every link in the last mail to an address, and the one-click address."""
    mail = it.sink.to(address)[-1]
    links = [str(found) for found in re.findall(r"https?://[^\s\"<>]+", mail.text)]
    return links, str(mail.message["List-Unsubscribe"]).strip("<>")


def m3_unsubscribe(seed: int, size: int = 120, leaving: int = 25, twin: str = "") -> Verdict:
    """Some leave by one click while mails wait; scanners open every link of the others."""
    verdict = Verdict()
    # A long lease: the sender is held still for a moment and must still be in its right afterwards.
    with ground(seed, twin, EMAIL_TIMEOUT="30") as it:
        it.people(size, 2)
        it.news(it.commitments[:1])
        it.web()
        it.tick(60 + size / 20).process.wait(120 + size / 20)
        with httpx.Client(trust_env=False, timeout=20) as browser:
            scanned = it.dice.sample(it.readers, 5)
            for address in scanned:
                links, one_click = _links(it, address)
                for link in {*links, one_click}:
                    if link.startswith(it.product.url):
                        browser.get(link)
                        browser.head(link)
            # Mails go in the order of the readers: the last of them wait longest.
            waiting = [address for address in it.readers[-4 * leaving :] if address not in scanned]
            goodbye = {address: _links(it, address)[1] for address in waiting}
            # A mail on the wire for some time, and all of them within the round of one sender.
            it.sink.delay = 0.06 if size <= 500 else 0.004
            it.news(it.commitments[1:])
            code = it.commitments[1].code
            sender = it.tick(90 + size / 20)
            wait_until(
                lambda: any(owed[1] == code for owed, _mail in it.accepted()), 90, "the second news goes out"
            )
            # However slow this machine is: they leave between two steps of the sender.
            os.kill(sender.pid, signal.SIGSTOP)
            gone: dict[str, float] = {}
            for address, link in goodbye.items():
                if len(gone) >= leaving:
                    break
                if (address, code) in {owed for owed, _mail in it.accepted()}:
                    continue
                answer = browser.post(link, data={"List-Unsubscribe": "One-Click"})
                if answer.status_code == 200:
                    gone[address] = time.monotonic()
            os.kill(sender.pid, signal.SIGCONT)
            sender.process.wait(180 + size / 20)
        after = [
            owed
            for owed, mail in it.accepted()
            if owed[1] == code and owed[0] in gone and mail.at > gone[owed[0]]
        ]
        told = {owed for owed, _mail in it.accepted()}
        it.ledger -= {(address, code) for address in gone if (address, code) not in told}
        verdict.claim("left while mails waited", len(gone), len(gone) >= leaving // 2)
        verdict.claim("mails after leaving", len(after), len(after) <= 1)
        it.judge_mails(verdict)
    return verdict


def m4_strangers(seed: int, size: int = 120, twin: str = "") -> Verdict:
    """Sign-ups with strangers' addresses: one confirmation each, nothing else, and one answer for everybody."""
    verdict = Verdict()
    with ground(seed, twin, SIGNUPS_PER_NETWORK="100000") as it:
        it.people(2, 1)
        known, suppressed = it.readers
        Subscriber.objects.filter(email=suppressed).update(state="suppressed")
        connections.close_all()
        _ = it.web() if twin else it.server()
        strangers = [f"stranger{n}@example.net" for n in range(size)]
        with httpx.Client(trust_env=False, timeout=60) as browser, ThreadPoolExecutor(8) as many:

            def sign_up(address: str) -> tuple[int, str, str]:
                form = {"email": address, "language": "en", "accord": world.ACCORD, "rhythm": "instantly"}
                answer = browser.post(f"{it.product.url}/follow/", data=form)
                return answer.status_code, answer.headers.get("location", ""), answer.text

            answers = Counter(many.map(sign_up, [*strangers, *strangers, known, suppressed]))
        it.tick(120).process.wait(180)
        it.readers = [known]
        it.news()
        it.tick(120).process.wait(180)
        mails = Counter(mail.recipients[0] for mail in it.sink.mails)
        verdict.claim("answers that differ", len(answers) - 1, len(answers) == 1 and answers.total() > size)
        verdict.claim(
            "strangers asked", sum(name in mails for name in strangers), all(s in mails for s in strangers)
        )
        most = max(mails[name] for name in strangers)
        verdict.claim("most mails to a stranger", most, most == 1)
        verdict.claim("mails to the suppressed", mails[suppressed], mails[suppressed] == 0)
    return verdict
