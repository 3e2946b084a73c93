"""The admin's own forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.errors import DomainError
from meetings.errors import LinkListRefused
from meetings.link_lists import decode_list
from meetings.links import add_links
from meetings.models import Meeting, MeetingLink
from meetings.pool import links_free_at


class AddManyForm(forms.Form):
    """A list of links: pasted, or a text file. When the form is valid they are in the pool, as `added`."""

    links = forms.CharField(
        label=gettext_lazy("Links"),
        help_text=gettext_lazy("One address a line. Blank lines and lines that begin with # are skipped."),
        widget=forms.Textarea(attrs={"rows": 12, "class": "vLargeTextField"}),
        required=False,
    )
    file = forms.FileField(label=gettext_lazy("…or a text file"), required=False)
    added: list[MeetingLink]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        pasted, file = cleaned.get("links", ""), cleaned.get("file")
        if bool(pasted) == bool(file):
            raise forms.ValidationError(_("Please paste links, or choose a file."))
        try:
            self.added = add_links(decode_list(file.read()) if file else pasted)
        except LinkListRefused as error:
            raise forms.ValidationError([*error.faults, str(error)]) from None
        except DomainError as error:
            raise forms.ValidationError(str(error)) from None
        return cleaned


class ChooseLinkForm(forms.Form):
    """The admin's choice among the links that are free for the whole time of a meeting."""

    link = forms.ModelChoiceField(MeetingLink.objects.none(), label=gettext_lazy("Link"))

    def __init__(self, *args: Any, meeting: Meeting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["link"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = links_free_at(meeting.time)
