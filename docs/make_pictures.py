"""Make the pictures of the README from a running demo: `python docs/make_pictures.py http://localhost:8000`.

Needs requirements/browser.txt and a Chromium. It books and pays one session, so that the order page has something to show.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
SIZE = {"width": 1000, "height": 760}


def log_in(page: Page, site: str, email: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", "demo")
    page.locator("main form").get_by_role("button").first.click()
    page.wait_for_load_state()


def paid_order(browser: Browser, site: str) -> None:
    page = browser.new_page(viewport=SIZE)
    log_in(page, site, "student@example.com")
    page.goto(site)
    page.locator("main a[href='/tutors/ratna-wijaya/']").first.click()
    page.locator("form[action$='/hold/'] button:visible").last.click()
    page.wait_for_url("**/cart/")
    page.locator("main a[href='/checkout/']").click()
    page.locator("main form button").last.click()
    page.wait_for_url("**/sandbox/pay/**")
    page.get_by_role("button", name="Pay", exact=True).click()
    page.wait_for_url("**/orders/**")
    expect(page.get_by_text(re.compile("link is ready", re.IGNORECASE)).first).to_be_visible(timeout=20_000)
    page.screenshot(path=PICTURES / "order.png")


def admin_front_page(browser: Browser, site: str) -> None:
    page = browser.new_page(viewport=SIZE)
    log_in(page, site, "admin@example.com")
    page.goto(f"{site}/admin/")
    page.screenshot(path=PICTURES / "admin.png")


def main() -> None:
    site = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        paid_order(chromium, site)
        admin_front_page(chromium, site)
        chromium.close()


if __name__ == "__main__":
    main()
