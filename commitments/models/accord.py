"""Accords and what surrounds them: parties, parts, provisions, instruments, topics, sources."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commitments.models.fields import SLUG, address_field, address_ok, code_field, one_of, word_field
from commitments.words import Nature
from tracker.kit.localized import LocalizedTextField, pick


class Party(models.Model):
    """A state or an organisation; `time_zone` is an IANA name, empty where deadlines never bind it."""

    code = code_field(unique=True)
    kind = models.CharField(max_length=24, default="state")
    name = LocalizedTextField()
    time_zone = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        ordering = ["code"]
        constraints = [models.CheckConstraint(condition=Q(name__has_key="en"), name="party_name_has_english")]

    def __str__(self) -> str:
        return pick(self.name)


class Accord(models.Model):
    """An accord: the frame in which commitments are made."""

    code = code_field(unique=True)
    slug = code_field(unique=True, validators=[SLUG])
    is_example = models.BooleanField(
        default=False, help_text=_("Fictional; marked as an example everywhere.")
    )
    names = LocalizedTextField()
    short_names = LocalizedTextField()
    about = LocalizedTextField(blank=True)
    address = address_field()
    place = LocalizedTextField(blank=True)
    signed_on = models.DateField()
    in_effect_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    four_eyes = models.BooleanField(default=True, help_text=_("Nobody publishes what they drafted."))
    is_binding = models.BooleanField(default=False)
    languages = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    prevailing_language = models.CharField(max_length=8, blank=True, default="")
    facts = models.JSONField(default=dict, blank=True)
    parties = models.ManyToManyField(Party, through="AccordParty", related_name="accords")
    loaded_on = models.DateField(
        help_text=_("The day its file was first loaded; relative dates count from it.")
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("accord")
        verbose_name_plural = _("accords")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(names__has_key="en"), name="accord_names_have_english"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=models.F("signed_on")),
                name="accord_ends_after_signature",
            ),
            address_ok("accord"),
        ]

    def __str__(self) -> str:
        return pick(self.short_names) or pick(self.names)


class AccordParty(models.Model):
    """One party of one accord, under the name the accord gives it."""

    accord = models.ForeignKey(Accord, models.PROTECT, related_name="memberships")
    party = models.ForeignKey(Party, models.PROTECT, related_name="+")
    name_in_accord = LocalizedTextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["accord", "party"], name="accord_party_once")]

    def __str__(self) -> str:
        return f"{self.accord} · {self.party}"


class Section(models.Model):
    """A part of an accord by which its commitments are grouped."""

    accord = models.ForeignKey(Accord, models.PROTECT, related_name="sections")
    code = code_field()
    title = LocalizedTextField()
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["accord", "position"]
        constraints = [models.UniqueConstraint(fields=["accord", "code"], name="section_once_per_accord")]

    def __str__(self) -> str:
        return f"{self.code} · {pick(self.title)}"


class Provision(models.Model):
    """A numbered clause of the text."""

    accord = models.ForeignKey(Accord, models.PROTECT, related_name="provisions")
    code = code_field()

    class Meta:
        ordering = ["accord", "code"]
        constraints = [models.UniqueConstraint(fields=["accord", "code"], name="provision_once_per_accord")]

    def __str__(self) -> str:
        return self.code


class Topic(models.Model):
    """A subject by which commitments of any accord are found."""

    code = code_field(unique=True)
    label = LocalizedTextField()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return pick(self.label)


class Instrument(models.Model):
    """A document or body of international practice that commitments rest on or lead to."""

    code = code_field(unique=True)
    name = LocalizedTextField()
    short_name = LocalizedTextField(blank=True)
    type = models.CharField(max_length=40)
    dates = models.JSONField(default=list, blank=True)
    parties = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    sources = models.JSONField(
        default=list, blank=True, help_text=_("References: a source's code and the place in it.")
    )
    note = models.TextField(blank=True, default="")
    accords = models.ManyToManyField(
        Accord, related_name="instruments", blank=True, help_text=_("The accords whose files name it.")
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return pick(self.short_name) or pick(self.name)


class Source(models.Model):
    """A publication. Unknown is a value: no address, no date, no author is shown as such and never invented.

    `published` is the EDTF value as known ("2024-09"); `published_on` its last day, for ordering and guards.
    """

    accord = models.ForeignKey(Accord, models.PROTECT, related_name="sources")
    code = code_field()
    title = models.CharField(max_length=500, blank=True, default="")
    author = models.CharField(max_length=200, blank=True, default="")
    publisher = models.CharField(max_length=200, blank=True, default="")
    published = models.CharField(max_length=40, blank=True, default="")
    published_on = models.DateField(null=True, blank=True)
    address = address_field()
    nature = word_field(Nature)
    language = models.CharField(max_length=8, blank=True, default="")
    file = models.CharField(max_length=200, blank=True, default="")
    note = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["accord", "code"]
        constraints = [
            models.UniqueConstraint(fields=["accord", "code"], name="source_once_per_accord"),
            address_ok("source"),
            one_of("source", "nature", Nature),
        ]

    def __str__(self) -> str:
        return self.title or self.publisher or self.host or self.code

    @property
    def host(self) -> str:
        """The host of its address, where that is all that is known of the publisher; else empty."""
        return urlsplit(self.address).hostname or ""
