"""M1 to M4: mail servers and readers that behave badly."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from django.db import connections
from django.utils import timezone

from notifications.models import Attempt, Delivery, Line, State, Subscriber
from tests import world
from tests.faults.ground import Doubt, Ground, ground
from tests.faults.judging import Verdict
from tests.processes import wait_until
from tests.sinks import SmtpSink


def _make_due() -> None:
    """Pauses of what was put off are shortened: their length is not what is tried here."""
    now = timezone.now()
    Delivery.objects.filter(state=State.WAITING, attempts__gt=0).update(next_attempt_at=now)
    Line.objects.filter(down_since__isnull=False).update(try_again_at=now)


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
        """The most tries within any second, but the first: until one has found out, each child may."""
        first = min(self.tries, default=0.0)
        later = [at for at in self.tries if at >= first + 1]
        return max((sum(at <= other < at + 0.95 for other in later) for at in later), default=0)

    def in_the_first_second(self) -> int:
        """Tries while it is being found out."""
        first = min(self.tries, default=0.0)
        return sum(at < first + 1 for at in self.tries)


CHILDREN = 4
# A child takes so many mails at once, the oldest that nobody holds.
AT_ONCE = 250


def _may_be_late(size: int, breaks: int) -> int:
    """How many older mails may leave after a newer one. One for each child and break: it was on the wire, and waits for
    half a minute. And where there are more than one child takes at once, what the others hold beside the one that is at
    the newer ones already."""
    return CHILDREN * breaks + ((CHILDREN - 1) * AT_ONCE if size > AT_ONCE else 0)


def m1_mail_server_down(
    seed: int, size: int = 60, down: float = 12, flaps: int = 3, twin: str = ""
) -> Verdict:
    """The mail server hangs up, is silent, comes and goes, comes back, puts some off: nothing is lost, few tries, oldest
    first."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        it.people(max(10, size // 4), 4)
        port = it.sink.port
        grey = set(it.dice.sample(it.readers, len(it.readers) * 3 // 10))
        it.sink.stop()
        bad = [_Bad(port, is_silent=False)]
        for _n in range(3):
            it.beat()
        for _n in range(2):
            it.worker(children=CHILDREN // 2)
        it.news(it.commitments[:2])
        wait_until(lambda: bad[0].tries, 60, "somebody tries")
        time.sleep(down)
        it.news(it.commitments[2:])
        bad[-1].stop()
        bad.append(_Bad(port, is_silent=True))
        _make_due()
        wait_until(lambda: bad[-1].tries, 60, "somebody tries")
        time.sleep(down)
        bad[-1].stop()
        try:
            came = [_come_and_go(it, port, grey, bad) for _n in range(flaps)]
            _up(it, port, grey)
            _make_due()
            wait_until(
                lambda: not {o for o in it.lost() if o[0] not in grey}, 60, "what is not put off arrives"
            )
            order = [owed[1] for owed, _mail in it.accepted()]
            it.sink.refusals.clear()
            _make_due()
            took = it.wait_until_told(60)
        finally:
            it.sink.stop()
        it.judge_mails(verdict)
        verdict.tried("mails taken each time that it came", came, all(came))
        tries = [len(one.tries) for one in bad]
        verdict.tried("tries each time that it was down", tries, all(tries))
        first = max(one.in_the_first_second() for one in bad)
        verdict.claim("tries in the first second of it", first, first <= CHILDREN)
        most = max(one.most_in_a_second() for one in bad)
        verdict.claim("most tries in a second", most, most <= 1)
        old = {commitment.code for commitment in it.commitments[:2]}
        half = [code in old for code in order]
        first_new = half.index(False) if False in half else len(half)
        late, may = sum(half[first_new:]), _may_be_late(size, flaps)
        verdict.claim("old ones after a new one", f"{late} of {sum(half)}, at most {may}", late <= may)
        verdict.claim("done after its return", f"{took:.0f} s", took < 60)
    return verdict


def _up(it: Ground, port: int, grey: set[str]) -> None:
    it.sink = SmtpSink(port=port, mails=it.sink.mails)
    it.sink.refusals.update(dict.fromkeys(grey, "451 4.7.1 come back later"))
    it.sink.start()


def _come_and_go(it: Ground, port: int, grey: set[str], bad: list[_Bad]) -> int:
    """The server is there until it has taken a few mails, and gone again for three seconds; how many it took."""
    before = len(it.sink.mails)
    _up(it, port, grey)
    it.sink.delay = 0.1
    _make_due()
    end = time.monotonic() + 20
    while len(it.sink.mails) < before + 3 and time.monotonic() < end:
        time.sleep(0.02)
    it.sink.stop()
    # Its last word about a mail that it had taken may not have been heard.
    cut = [one for one in it.sink.conversations.values() if not one.has_quit]
    it.doubts += [Doubt(one, len(one.ended)) for one in cut]
    bad.append(_Bad(port, is_silent=False))
    _make_due()
    wait_until(lambda: bad[-1].tries, 60, "somebody tries")
    time.sleep(3)
    bad[-1].stop()
    return len(it.sink.mails) - before


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
        codes = [it.ended(it.tick(), 90)]
        _make_due()
        codes.append(it.ended(it.tick(), 90))
        it.doubts += [
            Doubt(one, len(one.ended))
            for one in it.sink.conversations.values()
            if one.ended and one.ended[-1].recipients == (cut,)
        ]
        it.judge_mails(verdict)
        copies = [mail for (address, _code), mail in it.accepted() if address == cut]
        verdict.claim("copies of the one that was cut", len(copies), len(copies) == 2)
        failed = list(Attempt.objects.filter(outcome="failed").values_list("code", flat=True))
        verdict.claim("refused, with code", failed, failed == [550])
        verdict.tried("exit codes", codes, codes == [0, 0])
    return verdict


def _links(it: Ground, address: str) -> tuple[list[str], str]:
    """Every link in the last mail to an address, and the one-click address."""
    mail = it.sink.to(address)[-1]
    links = [str(found) for found in re.findall(r"https?://[^\s\"<>]+", mail.text)]
    return links, str(mail.message["List-Unsubscribe"]).strip("<>")


def _open_all(it: Ground, browser: httpx.Client, address: str) -> int:
    """Opens every link of ours in a mail by GET and HEAD, as a scanner does; how many different ones answered."""
    links, one_click = _links(it, address)
    ours = {link for link in (*links, one_click) if link.startswith(it.product.url)}
    return sum(browser.get(link).is_success and browser.head(link).is_success for link in ours)


def m3_unsubscribe(seed: int, size: int = 120, leaving: int = 25, twin: str = "") -> Verdict:
    """Some leave by one click while mails wait; scanners open every link of the others."""
    verdict = Verdict()
    # A long lease: the sender is held still for a moment and must still be in its right afterwards.
    with ground(seed, twin, EMAIL_TIMEOUT="30") as it:
        it.people(size, 2)
        it.news(it.commitments[:1])
        it.web()
        codes = [it.ended(it.tick(60 + size / 20), 120 + size / 20)]
        with httpx.Client(trust_env=False, timeout=20) as browser:
            scanned = it.dice.sample(it.readers, 5)
            opened = [_open_all(it, browser, address) for address in scanned]
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
            codes.append(it.ended(sender, 180 + size / 20))
        after = [
            owed
            for owed, mail in it.accepted()
            if owed[1] == code and owed[0] in gone and mail.at > gone[owed[0]]
        ]
        told = {owed for owed, _mail in it.accepted()}
        it.ledger -= {(address, code) for address in gone if (address, code) not in told}
        verdict.tried("exit codes", codes, codes == [0, 0])
        # The page, the evidence, to manage, to leave and to erase, and the header's address, for each of the five.
        verdict.tried("links opened by scanners", opened, all(number >= 4 for number in opened))
        verdict.tried("left while mails waited", len(gone), len(gone) == leaving)
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
        codes = [it.ended(it.tick(120), 180)]
        it.readers = [known]
        it.news()
        codes.append(it.ended(it.tick(120), 180))
        # Who follows already is told so, at the address alone.
        it.ledger |= {(address, "Please confirm what you want to follow") for address in strangers}
        it.ledger.add((known, "You already follow"))
        asked = _asked(it, strangers)
        verdict.tried("exit codes", codes, codes == [0, 0])
        verdict.claim("answers that differ", len(answers) - 1, len(answers) == 1 and answers.total() > size)
        verdict.claim("links to confirm in them", f"{asked} of {size}", asked == size)
        it.judge_mails(verdict)
    return verdict


def _asked(it: Ground, strangers: Sequence[str]) -> int:
    """How many strangers got a mail with a link to confirm, and no other text of ours than the question."""
    asked = {mail.recipients[0] for mail in it.sink.mails if f"{it.product.url}/confirm/" in mail.text}
    return len(asked.intersection(strangers))
