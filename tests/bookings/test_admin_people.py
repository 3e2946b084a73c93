"""People, tutors and keys in the admin: what an admin may do there, and what nobody may."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from bookings.api_keys import create_api_key, digest_key
from bookings.models import ApiKey, Tutor, User
from tests.desk import address, text_of
from tests.factories import make_user


def test_an_api_key_is_shown_once_and_only_its_digest_is_kept(desk):
    answer = desk.post(address(ApiKey, "add"), {"name": "Front end", "scopes": ["slots", "checkout"]}, follow=True)

    made = ApiKey.objects.get()
    shown = text_of(answer).split("<code>")[1].split("</code>")[0]
    assert (made.name, made.scopes, made.digest) == ("Front end", ["slots", "checkout"], digest_key(shown))
    assert shown not in text_of(desk.get(address(ApiKey)))
    assert shown not in text_of(desk.get(address(ApiKey, "change", made.pk)))
    assert made.digest not in text_of(desk.get(address(ApiKey, "change", made.pk)))


def test_an_api_key_can_be_renamed_without_becoming_another(desk):
    made, _key = create_api_key("Old", scopes=["slots"])

    desk.post(address(ApiKey, "change", made.pk), {"name": "New", "scopes": ["slots", "meetings"]})

    assert ApiKey.objects.values_list("name", "scopes", "digest").get() == ("New", ["slots", "meetings"], made.digest)


def test_a_revoked_api_key_stays_revoked_and_is_never_deleted(desk):
    made, _key = create_api_key("Front end", scopes=["slots"])
    action = {"action": "revoke_keys", "_selected_action": [made.pk]}

    desk.post(address(ApiKey), action)
    first = ApiKey.objects.get().revoked_at
    desk.post(address(ApiKey), action)
    deleted = desk.post(address(ApiKey, "delete", made.pk), {"post": "yes"})

    assert first is not None
    assert ApiKey.objects.get().revoked_at == first
    assert deleted.status_code == 403


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ("approve_tutors", {"is_approved": False}, {"is_approved": True}),
        ("pause_tutors", {"is_paused": False}, {"is_paused": True}),
        ("resume_tutors", {"is_paused": True}, {"is_paused": False}),
    ],
)
def test_tutors_are_approved_and_paused_from_the_list(desk, root, ada, action, before, after):
    Tutor.objects.update(**before)

    page = text_of(desk.post(address(Tutor), {"action": action, "_selected_action": [ada.pk]}, follow=True))

    assert "1 tutor changed." in page
    assert Tutor.objects.filter(**after).count() == 1
    assert admin.models.LogEntry.objects.get().user == root


def test_a_tutors_page_edits_sessions_and_hours(desk, ada):
    page = desk.get(address(Tutor, "change", ada.pk))
    filled = {name: value for form in _forms(page) for name, value in _values(form).items()}
    filled |= {"session_types-0-price": "200000", "weekly_hours-0-ends": "18:00", "time_zone": "Asia/Calcutta"}

    answer = desk.post(address(Tutor, "change", ada.pk), filled)

    assert answer.status_code == 302
    ada.refresh_from_db()
    assert ada.time_zone == "Asia/Calcutta"
    assert ada.session_types.get().price == 200_000
    assert str(ada.weekly_hours.first()).endswith("18:00")


def test_hours_that_overlap_are_refused_as_on_the_tutors_own_page(desk, ada):
    page = desk.get(address(Tutor, "change", ada.pk))
    filled = {name: value for form in _forms(page) for name, value in _values(form).items()}

    answer = desk.post(address(Tutor, "change", ada.pk), filled | {"weekly_hours-1-weekday": "0"})

    assert "These hours overlap others of the same day." in text_of(answer)
    assert ada.weekly_hours.filter(weekday=1).exists()


def test_admin_lets_a_tutor_approve_first(desk, ada):
    page = desk.get(address(Tutor, "change", ada.pk))
    filled = {name: value for form in _forms(page) for name, value in _values(form).items()}

    assert desk.post(address(Tutor, "change", ada.pk), filled | {"approves_first": "on"}).status_code == 302

    ada.refresh_from_db()
    assert ada.approves_first


def _forms(page: Any) -> list[Any]:
    inlines = [inline.formset for inline in page.context["inline_admin_formsets"]]
    parts = [page.context["adminform"].form]
    for formset in inlines:
        parts += [formset.management_form, *formset.forms]
    return parts


def _values(form: Any) -> dict[str, Any]:
    values = {bound.html_name: bound.value() for bound in form}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def test_a_person_is_added_and_can_be_given_a_new_password(desk):
    new = {"email": "New@Example.com", "full_name": "New Person", "time_zone": "UTC", "usable_password": "true"}
    added = desk.post(address(User, "add"), {**new, "password1": "long-enough-9", "password2": "long-enough-9"})
    person = User.objects.get(email="new@example.com")

    changed = desk.post(
        reverse("admin:auth_user_password_change", args=[person.pk]),
        {"usable_password": "true", "password1": "another-one-9", "password2": "another-one-9"},
    )

    person.refresh_from_db()
    assert (added.status_code, changed.status_code) == (302, 302)
    assert person.check_password("another-one-9")


def test_who_may_edit_people_cannot_give_rights_or_touch_a_superuser(root, sam):
    clerk = make_user("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(_permissions("view_user", "change_user", "delete_user"))
    client = Client()
    client.force_login(clerk)

    client.post(
        address(User, "change", clerk.pk),
        {"email": clerk.email, "full_name": "Clerk", "time_zone": "UTC", "is_active": "on", "is_superuser": "on"},
    )
    on_root = client.post(address(User, "change", root.pk), {"email": "mine@example.com", "time_zone": "UTC"})
    password = client.post(
        reverse("admin:auth_user_password_change", args=[root.pk]),
        {"usable_password": "true", "password1": "another-one-9", "password2": "another-one-9"},
    )
    deleted = client.post(address(User, "delete", root.pk), {"post": "yes"})

    clerk.refresh_from_db()
    root.refresh_from_db()
    assert (clerk.full_name, clerk.is_superuser) == ("Clerk", False)
    assert (on_root.status_code, password.status_code, deleted.status_code) == (403, 403, 403)
    assert root.check_password("secret-words")


def test_who_may_edit_people_cannot_become_a_colleague_of_the_staff(sam):
    clerk, cashier = make_user(is_staff=True), make_user(is_staff=True)
    clerk.user_permissions.set(_permissions("view_user", "change_user", "delete_user"))
    client = Client()
    client.force_login(clerk)

    new_password = {"usable_password": "true", "password1": "another-one-9", "password2": "another-one-9"}
    answers = {
        person: client.post(reverse("admin:auth_user_password_change", args=[person.pk]), new_password).status_code
        for person in (cashier, sam)
    }

    assert answers == {cashier: 403, sam: 302}
    assert client.post(address(User, "change", cashier.pk), {"email": "mine@example.com"}).status_code == 403


def _permissions(*names: str) -> Any:
    return Permission.objects.filter(codename__in=names)


@pytest.mark.parametrize("model", [Tutor, User])
def test_the_form_for_a_new_one_proposes_the_sites_zone_not_the_first_of_the_list(desk, settings, model):
    settings.DEFAULT_TIME_ZONE = "Asia/Makassar"
    page = text_of(desk.get(address(model, "add")))
    assert re.findall(r'<option value="([^"]+)" selected>', page)[:1] == ["Asia/Makassar"]


def test_permissions_are_listed_in_the_readers_language(desk):
    page = desk.get("/admin/auth/group/add/", headers={"accept-language": "id"}).content.decode()

    assert "Pemesanan: mengubah tutor</option>" in page
    assert "Can change" not in page
