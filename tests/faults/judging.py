"""What a scenario found, claim by claim; and whether a defect that was put in was found for its own reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim with its figure. `is_ours`: it speaks of the bench and not of the product, of whether there was anything to
    judge."""

    what: str
    figure: str
    holds: bool
    is_ours: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.figure}"


@dataclass
class Verdict:
    """What a scenario found. A claim's name is the same in every run: a defect is told by the names that it breaks."""

    claims: list[Claim] = field(default_factory=list)

    def claim(self, what: str, figure: object, holds: bool) -> None:
        """Adds a claim about the product."""
        self.claims.append(Claim(what, str(figure), holds))

    def tried(self, what: str, figure: object, holds: bool) -> None:
        """Adds a claim about the run itself: that the faults were put in, that processes ran, that something was owed.
        Where it does not hold, nothing is proved: not that the product survives, and not that a defect is found."""
        self.claims.append(Claim(what, str(figure), holds, is_ours=True))

    @property
    def is_green(self) -> bool:
        """Whether everything holds, and anything was looked at."""
        return bool(self.claims) and not self.broken

    @property
    def broken(self) -> list[Claim]:
        """The claims that do not hold."""
        return [it for it in self.claims if not it.holds]

    def missed(self, breaks: Iterable[str]) -> str:
        """Empty when just what a defect must break is broken, at least; else why this run proves nothing of it."""
        ours = [str(it) for it in self.broken if it.is_ours]
        if ours:
            return f"the run itself failed: {'; '.join(ours)}"
        unknown = set(breaks) - {it.what for it in self.claims}
        if unknown:
            return f"never asked: {', '.join(sorted(unknown))}"
        held = set(breaks) - {it.what for it in self.broken}
        if held or not breaks:
            return f"still holds: {', '.join(sorted(held))}; {self}"
        return ""

    def __str__(self) -> str:
        return ", ".join(f"{it.what} {it.figure}{'' if it.holds else ' (BROKEN)'}" for it in self.claims)
