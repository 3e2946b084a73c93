"""The face in a real browser: scripts, focus, widths."""

from __future__ import annotations

import pytest

PHONE = {"width": 390, "height": 844}
SMALLEST = {"width": 320, "height": 640}
PUBLIC_PATHS = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/admin/login/"]


def test_sign_up_guesses_the_time_zone_of_the_browser(open_page):
    page = open_page("/accounts/signup/", timezone_id="America/Lima")

    assert page.input_value("[name=time_zone]") == "America/Lima"
    assert {c["name"]: c["value"] for c in page.context.cookies()}["tz"] == "America/Lima"


def test_times_are_told_in_the_guessed_zone_from_the_second_page_on(open_page):
    page = open_page("/accounts/login/", timezone_id="America/Lima")
    page.get_by_role("link", name="Show its times").click()

    page.get_by_text("Times are shown in America/Lima.").wait_for()
    assert not page.locator("[data-zone-hint]").is_visible()


def test_errors_get_the_focus_and_are_tied_to_their_fields(open_page):
    page = open_page("/accounts/signup/")
    page.fill("[name=full_name]", "Kim")
    page.fill("[name=email]", "kim@example.org")
    page.fill("[name=password1]", "short")
    page.get_by_role("button", name="Sign up").click()
    summary = page.get_by_role("alert")
    summary.wait_for()

    assert summary.evaluate("element => element === document.activeElement")
    described_by = page.get_attribute("[name=password1]", "aria-describedby").split()
    assert "too short" in page.locator(f"#{described_by[-1]}").inner_text()
    assert page.get_attribute("[name=password1]", "aria-invalid") == "true"


def test_a_form_is_sent_once_and_its_button_turns_busy(open_page):
    page = open_page("/accounts/login/")

    stopped, busy = page.evaluate(
        """() => {
            const form = document.querySelector("main form");
            const button = form.querySelector("button");
            const stopped = [];
            form.noValidate = true;
            window.addEventListener("submit", (event) => {
                stopped.push(event.defaultPrevented);
                event.preventDefault();
            });
            form.requestSubmit(button);
            form.requestSubmit(button);
            return [stopped, button.getAttribute("aria-busy")];
        }"""
    )

    assert (stopped, busy) == ([False, True], "true")


def test_the_keyboard_reaches_the_content_first(open_page):
    page = open_page("/accounts/login/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PUBLIC_PATHS)
def test_nothing_is_wider_than_a_phone(open_page, path, scheme):
    for viewport in (PHONE, SMALLEST):
        page = open_page(path, viewport=viewport, color_scheme=scheme)

        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_phone_shows_the_first_days_open_and_a_wide_screen_all(open_page, ada):
    path = ada.get_absolute_url()
    phone, wide = open_page(path, viewport=PHONE), open_page(path, viewport={"width": 1280, "height": 800})

    assert phone.locator(".slots-day").count() > 2
    assert phone.locator(".slots-day[open]").count() == 2
    assert wide.locator(".slots-day:not([open])").count() == 0


def test_the_account_menu_closes_with_escape_and_gives_the_focus_back(open_page, sam):
    page = open_page("/accounts/email/", reader=sam, viewport=PHONE)
    summary = page.locator("summary[aria-label='Your account']")
    summary.click()
    page.get_by_role("link", name="Profile and time zone").focus()
    page.keyboard.press("Escape")

    assert not page.get_by_role("link", name="Profile and time zone").is_visible()
    assert summary.evaluate("element => element === document.activeElement")
