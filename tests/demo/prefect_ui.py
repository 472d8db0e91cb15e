"""Prefect's UI as people use it: everything is found by what it says or is called."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from uuid import UUID

from playwright.sync_api import Browser, Locator, Page, Response, TimeoutError, expect, sync_playwright

# Debian's Chromium as root, on a machine without a graphics card, that asks nobody anything.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZE = 1280, 800
# A click may wait for a page that loads on a loaded machine; a run has a process to start and work to do.
_OPEN_SECONDS, _LOG_SECONDS, _CLICK_SECONDS, _RUN_SECONDS = 5, 5, 60, 180
# A page that never stands still is kept as it is.
_PICTURES = 20
expect.set_options(timeout=1000 * _CLICK_SECONDS)


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """A headless Chromium with an empty profile.

    Args:
        executable: Path of Chromium.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


# A run's graph is drawn anew with every frame, sixty times a second, and without a graphics card by the processor.
_FEWER_FRAMES = """
    const draw = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (frame) => setTimeout(() => draw(frame), 200);
    window.cancelAnimationFrame = clearTimeout;
"""


class PrefectUi:
    """A page of Prefect's UI.

    Args:
        browser: The browser it is opened in.
        address: Of the Prefect server.
        screenshots: Where its screenshots go.
    """

    def __init__(self, browser: Browser, address: str, screenshots: Path) -> None:
        self.page: Page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, reduced_motion="reduce")
        self.page.add_init_script(_FEWER_FRAMES)
        self.page.set_default_timeout(1000 * _CLICK_SECONDS)
        self._address = address
        self._screenshots = screenshots

    def screenshot(self, name: str) -> None:
        """Keep what is seen, once it stands still: a run's graph moves into its place.

        Args:
            name: Of the file, without its suffix.
        """
        before, seen = b"", self.page.screenshot()
        for _ in range(_PICTURES):
            if seen == before:
                break
            self.page.wait_for_timeout(500)
            before, seen = seen, self.page.screenshot()
        (self._screenshots / f"{name}.png").write_bytes(seen)

    def find_deployment(self, name: str) -> None:
        """Search the list of deployments.

        Args:
            name: Of the deployment.
        """
        self.page.goto(self._address)
        self.page.get_by_role("link", name="Deployments").click()
        self.page.get_by_role("textbox", name="Search deployments").fill(name)
        # The search changes the address, and would take a click that comes before it back.
        self.page.wait_for_url(f"**flowOrDeploymentName={name}*")

    def open_deployment(self, name: str) -> None:
        """Go to a deployment from the list of all.

        Args:
            name: Of the deployment.
        """
        self.find_deployment(name)
        # The first is the deployment, the second its flow.
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def open_form(self, deployment: str) -> None:
        """Open the form of a deployment.

        Args:
            deployment: Its name.
        """
        self.open_deployment(deployment)
        custom_run = self.page.get_by_role("menuitem", name="Custom run")
        self.open(self.page.get_by_role("button", name="Run", exact=True), custom_run)
        custom_run.click()
        self.page.get_by_role("heading", name="Parameters").wait_for()

    def open(self, button: Locator, opened: Locator) -> None:
        """Press a button until what it opens is there: a page that is drawn once more meanwhile closes it again.

        Args:
            button: The button.
            opened: What it opens.
        """
        while not opened.is_visible():
            button.click()
            with suppress(TimeoutError):
                opened.wait_for(timeout=1000 * _OPEN_SECONDS)

    def add_schedule(self, deployment: str, cron: str, shown: str) -> None:
        """Give a deployment a schedule, whose other fields are left as they are.

        Args:
            deployment: Its name.
            cron: The schedule's cron line.
            shown: What Prefect calls it then.
        """
        self.open_deployment(deployment)
        dialog = self.page.get_by_role("dialog", name="Add Schedule")
        self.open(self.page.get_by_role("button", name="Schedule", exact=True), dialog)
        dialog.get_by_role("tab", name="Cron").click()
        dialog.get_by_role("textbox", name="Value").fill(cron)
        self.screenshot("schedule")
        self.press("Save", "schedules")
        expect(dialog).to_be_hidden()
        expect(self.page.get_by_role("switch", name=f"toggle {shown}")).to_be_visible()

    def rows(self) -> Locator:
        """The rows of the lists in a form, outer before inner ones."""
        return self.page.get_by_role("button", name="Drag to reorder").locator("..")

    def delete(self, row: Locator) -> None:
        """Take a row out of a list.

        Args:
            row: One of `rows`.
        """
        row.get_by_role("button", name="Open menu").last.click()
        self.page.get_by_role("menuitem", name="Delete").click()

    def press_submit(self) -> None:
        """Submit the form."""
        self.page.get_by_role("button", name="Submit", exact=True).click()

    def submit(self) -> UUID:
        """Submit the form and go to the run that it makes.

        Returns:
            The run's id.
        """
        answer = self.press("Submit", "create_flow_run")
        run_id = UUID(answer.json()["id"])
        self.page.locator(f"a[href$='{run_id}']").get_by_role("button", name="View run").click()
        self.page.wait_for_url(f"**/flow-run/{run_id}*")
        return run_id

    def press(self, button: str, operation: str) -> Response:
        """Press a button until the server has answered: on a loaded machine it is sent 503, its SQLite being locked.

        Args:
            button: What the button says.
            operation: The end of the path that pressing it calls.

        Returns:
            The answer, which is no error.
        """
        answer = None
        while answer is None or answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            with self.page.expect_response(f"**/{operation}") as answered:
                self.page.get_by_role("button", name=button, exact=True).click()
            answer = answered.value
        assert answer.ok, answer.text()
        return answer

    def wait_for_state(self, state: str) -> None:
        """Wait until the page of a run, which follows it by itself, shows a state.

        Args:
            state: Name of the state.
        """
        shown = self.page.get_by_role("main").get_by_text(state, exact=True).first
        expect(shown).to_be_visible(timeout=1000 * _RUN_SECONDS)

    def wait_for_log(self, text: str) -> None:
        """Wait until the page of a run shows a line in its log, loading the page again for what comes late.

        Prefect 3.8's page stops asking for lines once the run has ended, and the last ones are still on their way then.

        Args:
            text: Part of the line.
        """
        log, deadline = self.page.get_by_role("log"), time.monotonic() + _RUN_SECONDS
        while time.monotonic() < deadline:
            with suppress(AssertionError):
                return expect(log).to_contain_text(text, timeout=1000 * _LOG_SECONDS)
            self.page.reload()
        return expect(log).to_contain_text(text)

    def choose(self, item: str) -> None:
        """Choose from the menu of a run's page.

        Args:
            item: What the menu calls it.
        """
        chosen = self.page.get_by_role("menuitem", name=item)
        self.open(self.page.get_by_role("main").get_by_role("button", name="Open menu").first, chosen)
        chosen.click()

    def read_artifact(self, key: str, text: str) -> str:
        """Open an artifact of the run whose page is open.

        Args:
            key: The artifact's key.
            text: What it must contain.

        Returns:
            What it shows.
        """
        self.page.get_by_role("tab", name="Artifacts").click()
        self.page.get_by_role("link").filter(has=self.page.get_by_role("heading", name=key, exact=True)).click()
        self.page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()
        shown = self.page.get_by_role("tabpanel", name="Artifact", exact=True)
        deadline = time.monotonic() + _CLICK_SECONDS
        # What is being drawn once more is there, and hidden: its text is taken when it is seen.
        while text not in (seen := shown.inner_text()):
            assert time.monotonic() < deadline, f"{text!r} is not in {seen!r}"
            self.page.wait_for_timeout(200)
        return seen
