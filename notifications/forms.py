"""What a visitor may send: an address, a language, and what to follow."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commitments.models import Accord, Commitment

# What may stand in a mail header as it is; the database holds the same rule.
_PLAIN = re.compile(r"[!#-;=?-~]+@[!#-;=?-~]+")


class FollowForm(forms.Form):
    """A sign-up: exactly one of an accord's code or a commitment's code. Answers `scope()` once it is valid."""

    email = forms.EmailField(label=gettext_lazy("Your e-mail address"), max_length=254)
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the mails"), choices=settings.LANGUAGES, required=False
    )
    accord = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)
    commitment = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)

    def clean_email(self) -> str:
        """The address in small letters, its domain in ASCII."""
        local, _at, domain = str(self.cleaned_data["email"]).strip().rpartition("@")
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            domain = ""
        email = f"{local}@{domain}".lower()
        if not _PLAIN.fullmatch(email) or len(email) > 254:
            raise forms.ValidationError(_("We cannot write to an address like this."), code="address")
        return email

    def clean(self) -> dict[str, Any]:
        """Looks up what is to be followed."""
        said = super().clean() or self.cleaned_data
        accord, commitment = said.get("accord"), said.get("commitment")
        if commitment:
            said["found"] = Commitment.objects.select_related("accord").filter(code=commitment).first()
            if said["found"] is None:
                self.add_error("commitment", _("There is no commitment with this code."))
            elif accord and said["found"].accord.code != accord:
                self.add_error("commitment", _("This commitment belongs to another accord."))
        elif accord:
            said["found"] = Accord.objects.filter(code=accord).first()
            if said["found"] is None:
                self.add_error("accord", _("There is no accord with this code."))
        else:
            self.add_error("accord", _("Say what you want to follow: an accord or a commitment."))
        return said

    def scope(self) -> tuple[Accord, Commitment | None]:
        """The accord, and the commitment when it is one."""
        found = self.cleaned_data["found"]
        return (found.accord, found) if isinstance(found, Commitment) else (found, None)
